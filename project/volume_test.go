package project_test

import (
	"testing"

	"github.com/gocompose/gocompose/project"
)

func TestPasswordsInOptionsAreHidden(t *testing.T) {
	for options, want := range map[string]string{
		"":                               "",
		"rw,addr=10.0.0.1":               "rw,addr=10.0.0.1",
		"username=me,password=hush,rw":   "username=me,password=********,rw",
		"PASS=a=b,vers=3":                "PASS=********,vers=3",
		"name=admin,secret=AQ==":         "name=admin,secret=********",
		"password":                       "password",
		"credentials=/etc/pass":          "credentials=/etc/pass",
		"encryption_key=1,password2=two": "encryption_key=********,password2=********",
	} {
		if got := project.HideSecrets(options); got != want {
			t.Errorf("%q: %q, want %q", options, got, want)
		}
	}
}
