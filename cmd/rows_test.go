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
		`{{title .Service}} {{lower "UP"}} {{truncate .Name 4}} {{truncate .Service 99}}`: "Web up shop web\nDatabase up shop database\n",
		`{{join (split .Name "-") "/"}}|{{pad .Ports 1 2}}|`:                              "shop/web/1| 80/tcp  |\nshop/database/1||\n",
		`{{println .State}}{{len .Publishers}}`:                                           "running\n0\nexited\n0\n",
		`{{json (split "a<b" "<")}}`:                                                      "[\"a\",\"b\"]\n[\"a\",\"b\"]\n",
		`{{json "<"}}`:                                                                    "\"<\"\n\"<\"\n",
		`table {{upper .Name}}\t{{truncate (lower .State) 3}}`:                            "NAME              STATE\nSHOP-WEB-1        run\nSHOP-DATABASE-1   exi\n",
		`table {{.Name}}\t{{.State}}`:                                                     "NAME              STATE\nshop-web-1        running\nshop-database-1   exited\n",
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

func TestWhatIsNoListIsNotJoined(t *testing.T) {
	r, err := newRows(`{{join .Name ","}}`)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeRows(new(strings.Builder), r, nil, []description{{}}); err == nil || !strings.Contains(err.Error(), "a list is wanted") {
		t.Error(err)
	}
	if text, err := joinText([]any{1, "b"}, "-"); text != "1-b" || err != nil {
		t.Error(text, err)
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
