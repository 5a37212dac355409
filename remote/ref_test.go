package remote

import "testing"

func TestNamesAreTakenApart(t *testing.T) {
	for name, want := range map[string]ref{
		"oci://registry.example.com/shop":            {registry: true, where: "registry.example.com/shop:latest"},
		"oci://shop:1.0":                             {registry: true, where: "docker.io/library/shop:1.0"},
		"https://example.com/a/b.git":                {where: "https://example.com/a/b.git"},
		"https://example.com/a/b.git#main":           {where: "https://example.com/a/b.git", version: "main"},
		"https://example.com/a/b.git#v1:deploy/x":    {where: "https://example.com/a/b.git", version: "v1", path: "deploy/x"},
		"https://example.com/a/b.git#:deploy/":       {where: "https://example.com/a/b.git", path: "deploy"},
		"https://example.com/b.git?tag=v1&subdir=d":  {where: "https://example.com/b.git", version: "v1", path: "d"},
		"http://example.com/b.git#pull/42/head":      {where: "http://example.com/b.git", version: "pull/42/head"},
		"github.com/a/b#main:d":                      {where: "https://github.com/a/b.git", version: "main", path: "d"},
		"github.com/a/b.git":                         {where: "https://github.com/a/b.git"},
		"git@example.com:a/b.git#main:d":             {where: "git@example.com:a/b.git", version: "main", path: "d"},
		"ssh://git@example.com:2222/a/b#main":        {where: "ssh://git@example.com:2222/a/b", version: "main"},
		"git://example.com/a/b#main":                 {where: "git://example.com/a/b", version: "main"},
		"file:///srv/b.git#main":                     {where: "file:///srv/b.git", version: "main"},
		"https://me:secret@example.com/b.git#x:a/..": {where: "https://me:secret@example.com/b.git", version: "x"},
	} {
		got, err := parse(name)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, want)
		}
		if !Accepts(name) {
			t.Errorf("%s is not accepted", name)
		}
	}
}

// What Git would take for an option, or have another program do, does not come to it.
func TestNamesThatLeadElsewhereAreRefused(t *testing.T) {
	for _, name := range []string{
		"https://example.com/compose.yaml", "ftp://example.com/b.git", "ext::sh -c x", "ext://sh", "fd://3",
		"https://example.com/b.git#--upload-pack=x", "https://example.com/b.git#-x", "https://example.com/b.git#a b", "https://example.com/b.git#a..b",
		"https://example.com/b.git#main:../x", "https://example.com/b.git#main:/etc", "https://example.com/b.git#main:a/../../b",
		"https://example.com/b.git?keep=1", "ssh://-oProxyCommand=x/b.git", "git@-oProxyCommand:b.git", "git@example.com:-x", "-x@example.com:b.git",
		"oci://", "oci://UPPER", "oci://x@sha256:12", "https://exa mple.com/b.git", "file:///a\x00b",
		"ssh://git:secret@example.com/b.git", "https://me:x%0Ahost=example.org@example.com/b.git", "https://me%0Ax:y@example.com/b.git",
	} {
		if r, err := parse(name); err == nil && Accepts(name) {
			t.Errorf("%q: %+v", name, r)
		}
	}
}

func TestFilesHereAreNotElsewhere(t *testing.T) {
	for _, name := range []string{"compose.yaml", "./a:b.yaml", "/a/b.yaml", "a@b.yaml", "a:b.yaml", "-", "github.com", "../x.git"} {
		if Accepts(name) {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestPasswordsAreNotShown(t *testing.T) {
	for name, want := range map[string]string{
		"https://me:secret@example.com/b.git#x": "https://example.com/b.git#x",
		"https://token@example.com/b.git":       "https://example.com/b.git",
		"ssh://git@example.com/b":               "ssh://git@example.com/b",
		"ssh://git:secret@example.com/b":        "ssh://example.com/b",
		"git@example.com:b#x:y":                 "git@example.com:b#x:y",
		"oci://a/b:1":                           "oci://a/b:1",
	} {
		if got := Shown(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	_, err := parse("https://me:secret%zz@example.com/b.git")
	if err == nil || Shown("https://me:secret%zz@example.com/b.git") != "https://example.com/b.git" {
		t.Errorf("%v, %s", err, Shown("https://me:secret%zz@example.com/b.git"))
	}
}
