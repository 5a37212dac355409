package cmd

import (
	"strings"
	"testing"
)

func TestRowsAreWrittenByATemplate(t *testing.T) {
	items := []description{
		{Name: "shop-web-1", Service: "web", State: "running", Ports: "80/tcp", labels: map[string]string{"tier": "front"}},
		{Name: "shop-database-1", Service: "database", State: "exited", ExitCode: 3},
	}
	for format, want := range map[string]string{
		"{{.Name}}":                      "shop-web-1\nshop-database-1\n",
		`{{.Service}}\t{{upper .State}}`: "web\tRUNNING\ndatabase\tEXITED\n",
		`{{.Label "tier"}}{{.ExitCode}}`: "front0\n3\n",
		"{{json .Service}}":              "\"web\"\n\"database\"\n",
		`table {{.Name}}\t{{.State}}`:    "NAME              STATE\nshop-web-1        running\nshop-database-1   exited\n",
		`table {{.Service}}\t{{.Label "tier"}}`: "SERVICE    tier\nweb        front\n" +
			"database   \n",
	} {
		r, err := newRows(format)
		if err != nil {
			t.Errorf("%s: %v", format, err)
			continue
		}
		var b strings.Builder
		if err := writeRows(&b, r, containerHeaders(), items); err != nil || b.String() != want {
			t.Errorf("%s: %q, %v; want %q", format, b.String(), err, want)
		}
	}
}

func TestEveryFieldOfAContainerHasAHeader(t *testing.T) {
	r, err := newRows("table {{range $k, $v := .}}{{$k}} {{end}}")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := writeRows[description](&b, r, containerHeaders(), nil); err != nil {
		t.Fatal(err)
	}
	text, err := jsonText(description{})
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range strings.Fields(b.String()) {
		if !strings.Contains(text, `"`+field+`":`) {
			t.Errorf("%s is no field", field)
		}
	}
	if fields, titles := strings.Count(text, `":`), len(containerHeaders()); fields != titles {
		t.Errorf("%d fields, %d headers", fields, titles)
	}
}

func TestTemplatesThatAreNoneAreRefused(t *testing.T) {
	for _, format := range []string{"xml", "", "{{.Name", "table NAME"} {
		if _, err := newRows(format); err == nil {
			t.Errorf("%q is taken for a template", format)
		}
	}
}

func TestACommandIsShownAsDockerShowsIt(t *testing.T) {
	for want, args := range map[string][]string{
		"":                       nil,
		"redis-server":           {"redis-server"},
		"sh -c 'echo a; exit 3'": {"sh", "-c", "echo a; exit 3"},
		"sleep 1":                {"/sbin/docker-init", "--", "sleep", "1"},
		"/sbin/docker-init -h":   {"/sbin/docker-init", "-h"},
	} {
		if got := commandText(args); got != want {
			t.Errorf("%q is shown as %s, want %s", args, got, want)
		}
	}
}
