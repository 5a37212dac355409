package cmd

import (
	"slices"
	"testing"
)

func TestChoicesAreThoseThatUsagesList(t *testing.T) {
	for usage, want := range map[string][]string{
		`Pull image before running ("always"|"missing"|"never")`:      {"always", "missing", "never"},
		"Format the output. Values: [yaml | json]":                    {"yaml", "json"},
		"Set type of progress output (auto, tty, plain, json, quiet)": {"auto", "tty", "plain", "json", "quiet"},
		`Print it. "*" means all services`:                            nil,
		"Wait for services to be running|healthy":                     nil,
		"Show logs since timestamp (e.g. 2013-01-02T13:23:37Z)":       nil,
	} {
		if got := choices(usage); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", usage, got, want)
		}
	}
}
