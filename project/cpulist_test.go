package project_test

import (
	"testing"

	"github.com/gocompose/gocompose/project"
)

func TestListsOfProcessors(t *testing.T) {
	for list, want := range map[string]bool{
		"0": true, "0-3,5": true, "3,1": true, "0-0": true,
		"": false, "a": false, "3-1": false, "1,": false, "-1": false, "+1": false, "0-1-2": false, "0 - 1": false,
		"99999999999": false,
	} {
		if _, got := project.CPURanges(list); got != want {
			t.Errorf("%q is a list of processors: %t, want %t", list, got, want)
		}
	}
}

func TestProcessorsAreWithinOthers(t *testing.T) {
	for _, tt := range []struct {
		some, all string
		want      bool
	}{
		{"0", "0-1", true},
		{"0-1", "0-1", true},
		{"0-2", "0-1", false},
		{"1,0", "0-1", true},
		{"1-4", "0-2,3,4-7", true},
		{"1-4", "0-2,4-7", false},
		{"0-2147483647", "0-2147483647", true},
		{"5", "0-4", false},
		{"0", "", false},
	} {
		if got := project.CPUsWithin(tt.some, tt.all); got != tt.want {
			t.Errorf("%q within %q: %t, want %t", tt.some, tt.all, got, tt.want)
		}
	}
}
