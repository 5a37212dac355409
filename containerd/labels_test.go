package containerd

import (
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/gocompose/gocompose/project"
)

func labelled() project.Container {
	return project.Container{
		Project: "shop", Service: "web", Replica: 2, Name: "shop-web-2",
		Image:  "docker.io/library/nginx:1.27",
		Labels: map[string]string{"team": "front"},
		Needs: []project.Need{
			{Service: "db", Condition: project.Healthy},
			{Service: "cache", Condition: project.Started, Restart: true},
		},
		Origin: project.Origin{WorkingDir: "/srv/shop", ConfigFiles: []string{"/srv/shop/a.yaml", "/srv/shop/b.yaml"}},
	}
}

func TestLabelsAreThoseOtherToolsRead(t *testing.T) {
	c := labelled()
	got := labels(c, Image{Digest: "sha256:aa"}, "1.2.3")
	for key, want := range map[string]string{
		"com.docker.compose.project":              "shop",
		"com.docker.compose.service":              "web",
		"com.docker.compose.container-number":     "2",
		"com.docker.compose.oneoff":               "False",
		"com.docker.compose.config-hash":          c.Hash(),
		"com.docker.compose.image":                "sha256:aa",
		"com.docker.compose.depends_on":           "cache:service_started:true,db:service_healthy:false",
		"com.docker.compose.project.working_dir":  "/srv/shop",
		"com.docker.compose.project.config_files": "/srv/shop/a.yaml,/srv/shop/b.yaml",
		"dev.gocompose.name":                      "shop-web-2",
		"team":                                    "front",
	} {
		if got[key] != want {
			t.Errorf("%s = %q, want %q", key, got[key], want)
		}
	}
	if got["com.docker.compose.version"] != "1.2.3" {
		t.Error("no version")
	}
	if _, ok := got["com.docker.compose.project.environment_file"]; ok {
		t.Error("an environment_file, though there was none")
	}
	c.Origin.EnvFiles = []string{"/srv/shop/.env"}
	if got := labels(c, Image{}, "1.2.3"); got["com.docker.compose.project.environment_file"] != "/srv/shop/.env" {
		t.Errorf("environment_file = %q", got["com.docker.compose.project.environment_file"])
	}
}

func TestLabelsThatContainerdWouldRefuseOrObeyAreLeftOut(t *testing.T) {
	c := labelled()
	fits := strings.Repeat("x", maxLabel-len("long"))
	c.Labels = map[string]string{
		"long":                           fits,
		"longer":                         fits,
		"containerd.io/restart.status":   "running",
		"containerd.io/gc.expire":        "2020-01-01T00:00:00Z",
		"com.docker.compose.project":     "theirs",
		"com.docker.compose.config-hash": "mine",
	}
	got := labels(c, Image{}, "1.2.3")
	if got["long"] != fits {
		t.Error("a label of the greatest length is gone")
	}
	for _, key := range []string{"longer", "containerd.io/restart.status", "containerd.io/gc.expire"} {
		if _, ok := got[key]; ok {
			t.Errorf("%s is there", key)
		}
	}
	if got["com.docker.compose.project"] != "shop" || got["com.docker.compose.config-hash"] != c.Hash() {
		t.Error("the user's labels replace ours")
	}
	if c.Labels["longer"] == "" {
		t.Error("the specification's own labels were changed")
	}
}

func TestLabelsOfTheImageComeFirst(t *testing.T) {
	c := labelled()
	image := Image{Config: ocispec.ImageConfig{Labels: map[string]string{
		"maintainer": "somebody", "team": "back", "com.docker.compose.project": "where it was built", "containerd.io/gc.expire": "2020-01-01T00:00:00Z",
	}}}
	got := labels(c, image, "1")
	if got["maintainer"] != "somebody" || got["team"] != "front" || got["com.docker.compose.project"] != "shop" {
		t.Errorf("labels are %v", got)
	}
	if _, ok := got["containerd.io/gc.expire"]; ok {
		t.Error("the image speaks to containerd")
	}
	if len(image.Config.Labels) != 4 {
		t.Error("the image's own labels were changed")
	}
}

func TestLabelsOfAOneOff(t *testing.T) {
	c := labelled()
	c.Labels = map[string]string{"com.docker.compose.slug": "mine", "com.docker.compose.container-number": "9"}
	if got := labels(c, Image{}, "1"); got["com.docker.compose.slug"] != "" {
		t.Errorf("a replica has the slug %q", got["com.docker.compose.slug"])
	}
	c.Role, c.Replica = "run-0123456789ab", 0
	got := labels(c, Image{}, "1")
	if got["com.docker.compose.oneoff"] != "True" || got["com.docker.compose.slug"] != "0123456789ab" {
		t.Errorf("oneoff %q, slug %q", got["com.docker.compose.oneoff"], got["com.docker.compose.slug"])
	}
	if n, has := got["com.docker.compose.container-number"]; has {
		t.Errorf("it has the number %s", n)
	}
}
