package cmd

import (
	"testing"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
)

func TestOneContainerOfAService(t *testing.T) {
	var infos []host.Info
	add := func(id string, replica int, role string, state planner.State) {
		var i host.Info
		i.ID, i.State = id, state
		i.Spec.Service, i.Spec.Replica, i.Spec.Role = "web", replica, role
		infos = append(infos, i)
	}
	add("oneoff", 0, "run-0123456789ab", planner.StateRunning)
	add("ended", 1, "", planner.StateExited)
	add("third", 3, "", planner.StateRunning)
	add("second", 2, "", planner.StateRunning)
	for _, c := range []struct {
		which one
		want  string
	}{
		{one{service: "web"}, "second"},
		{one{service: "web", stopped: true}, "second"},
		{one{service: "web", index: 3}, "third"},
		{one{service: "web", index: 1, stopped: true}, "ended"},
		{one{service: "web", index: 1}, ""},
		{one{service: "web", index: 4, stopped: true}, ""},
		{one{service: "db"}, ""},
	} {
		got, err := c.which.of(infos)
		if got.ID != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%+v: %q, %v", c.which, got.ID, err)
		}
	}
}
