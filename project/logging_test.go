package project_test

import (
	"strings"
	"testing"

	"github.com/gocompose/gocompose/project"
)

func TestTagsAreDockersTemplates(t *testing.T) {
	tag := project.LogTag{
		ContainerID: "shop-web-1.X", ContainerName: "/shop-web-1", ContainerImageID: "sha256:0123456789abcdef", ContainerImageName: "nginx:1.27",
		ContainerEntrypoint: "nginx", ContainerArgs: []string{"-g", "x"}, ContainerLabels: map[string]string{"tier": "front"}, DaemonName: "gocompose",
	}
	for text, want := range map[string]string{
		"":                   "",
		"plain":              "plain",
		"{{.Name}}/{{.ID}}":  "shop-web-1/shop-web-1.X",
		"{{.FullID}}":        "shop-web-1.X",
		"{{.ImageName}}":     "nginx:1.27",
		"{{.ImageID}}":       "0123456789ab",
		"{{.ImageFullID}}":   "sha256:0123456789abcdef",
		"{{.Command}}":       "nginx -g x",
		"{{.DaemonName}}":    "gocompose",
		"{{upper .Name}}":    "SHOP-WEB-1",
		"{{.ContainerName}}": "/shop-web-1",
		"{{.ContainerLabels.tier}}{{.ContainerLabels.none}}": "front",
		`{{index (split .Name "-") 1}}{{truncate .Name 4}}`:  "webshop",
		"{{json .ContainerArgs}}{{join .ContainerArgs `,`}}": `["-g","x"]-g,x`,
	} {
		if got, err := tag.Render(text); got != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"{{.Name", "{{.Named}}", "{{nope}}"} {
		if got, err := tag.Render(text); err == nil || !strings.Contains(err.Error(), "tag") {
			t.Errorf("%s: got %q, %v", text, got, err)
		}
	}
}
