package cmd

import (
	"errors"
	"fmt"
	"testing"

	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

func TestWhatTheNextCommandGoesOnWith(t *testing.T) {
	pull := planner.PullImages([]project.Image{{Ref: "web:1"}})
	broke := errors.New("the connection broke")
	for _, tt := range []struct {
		name string
		plan *planner.Plan
		err  error
		want bool
	}{
		{"a pull that was cut short", pull, broke, true},
		{"nothing, when all is here", pull, nil, false},
		{"nothing of a full disk", pull, fmt.Errorf("pulling: %w", images.ErrNoSpace), false},
		{"nothing that is not signed", pull, fmt.Errorf("verifying: %w", host.ErrUnverified), false},
		{"nothing where nothing is pulled", planner.PushImages([]project.Image{{Ref: "web:1"}}), broke, false},
	} {
		if got := resumes(tt.plan, tt.err); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
