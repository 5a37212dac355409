package project_test

import (
	"testing"

	"github.com/gocompose/gocompose/project"
)

func TestTheContextIsShownWithoutItsPassword(t *testing.T) {
	for context, want := range map[string]string{
		"/srv/app":                             "/srv/app",
		"-":                                    "-",
		"git@example.com:a/b.git":              "git@example.com:a/b.git",
		"ssh://git@example.com/b.git#main:sub": "ssh://git@example.com/b.git#main:sub",
		"https://example.com/a@b.git#main:sub": "https://example.com/a@b.git#main:sub",
		"https://me:hunter2@example.com/b.git#v1:sub": "https://example.com/b.git#v1:sub",
		"https://token@example.com/b.tar.gz":          "https://example.com/b.tar.gz",
		"https://me:hun/ter2@example.com/b.git":       "https://example.com/b.git",
	} {
		if got := (project.Build{Context: context}).ShownContext(); got != want {
			t.Errorf("%s is shown as %s, want %s", context, got, want)
		}
	}
}
