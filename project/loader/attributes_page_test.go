package loader_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/project/loader"
)

var update = flag.Bool("update", false, "write the pages that are made from the code")

const attributesPage = "../../docs/attributes.md"

const attributesIntro = `# Attributes of Compose files

What gocompose does about every attribute of the Compose specification. This page is made from the table that the loader goes by:
` + "`go test ./project/loader -update`" + `.

| verdict | what it means |
|---|---|
| honoured | it does what the specification says; a remark has values, defaults, and what it needs of the host |
| no effect | accepted, because there is nothing to do about it here |
| limited | values that are supported are honoured, all others are refused |
| refused | the file is not loaded; the message says where it stands, and why |

An attribute that is in no table is refused too. Attributes that begin with ` + "`x-`" + ` are yours: nobody looks at them, but for
` + "`x-gocompose`" + `, which holds what the specification has no attribute for. ` + "`gocompose config`" + ` shows files with all their attributes,
honoured or not.
`

// sections are the tables of the page: the places that begin with a prefix and
// with no longer one.
var sections = []struct{ title, prefix string }{
	{"Top level", ""},
	{"Services", "services.*."},
	{"Services: deploy", "services.*.deploy."},
	{"Services: healthcheck", "services.*.healthcheck."},
	{"Services: ports", "services.*.ports.[]."},
	{"Services: volumes", "services.*.volumes.[]."},
	{"Services: networks", "services.*.networks.*."},
	{"Services: secrets", "services.*.secrets.[]."},
	{"Services: configs", "services.*.configs.[]."},
	{"Networks", "networks.*."},
	{"Volumes", "volumes.*."},
	{"Secrets", "secrets.*."},
	{"Configs", "configs.*."},
}

func TestThePageOfAttributesIsUpToDate(t *testing.T) {
	want := renderAttributes(loader.Attributes())
	if *update {
		if err := os.WriteFile(attributesPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(attributesPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the table of attributes says: go test ./project/loader -update", attributesPage)
	}
}

func TestEveryAttributeIsInOneTableOfThePage(t *testing.T) {
	page := renderAttributes(loader.Attributes())
	rows := strings.Count(page, "\n| `")
	if all := len(loader.Attributes()); rows != all {
		t.Errorf("%d rows for %d attributes", rows, all)
	}
}

func renderAttributes(all []loader.Attribute) string {
	var b strings.Builder
	b.WriteString(attributesIntro)
	for _, s := range sections {
		fmt.Fprintf(&b, "\n## %s\n\n| attribute | verdict | remarks |\n|---|---|---|\n", s.title)
		for _, a := range all {
			if sectionOf(a.Path) == s.prefix {
				fmt.Fprintf(&b, "| `%s` | %s | %s |\n", strings.TrimPrefix(a.Path, s.prefix), a.Verdict, a.Why)
			}
		}
	}
	return b.String()
}

// sectionOf returns the longest prefix of a section that path has.
func sectionOf(path string) string {
	best := ""
	for _, s := range sections {
		if strings.HasPrefix(path, s.prefix) && len(s.prefix) > len(best) {
			best = s.prefix
		}
	}
	return best
}
