package cmd

import (
	"strings"
	"testing"
	"time"

	"github.com/gocompose/gocompose/events"
)

func TestEventsHaveDockerComposesForms(t *testing.T) {
	at := time.Date(2026, 1, 2, 15, 4, 5, 123456789, time.Local)
	zone := at.Format("Z07:00")
	s := events.Subject{ID: "shop-web-1.x", Project: "shop", Service: "web", Name: "shop-web-1", Image: "web:1", Labels: map[string]string{"a.b": "<c>"}}
	for _, c := range []struct {
		e          events.Event
		text, json string
	}{
		{s.Event(at, events.Die, events.ExitCode, "3"),
			"2026-01-02 15:04:05.123456 container die shop-web-1.x (a.b=<c>, exitCode=3, image=web:1, name=shop-web-1)\n",
			`{"action":"die","attributes":{"a.b":"<c>","exitCode":"3","image":"web:1","name":"shop-web-1"},"id":"shop-web-1.x","service":"web","time":"2026-01-02T15:04:05.123456789` + zone + `","type":"container"}` + "\n"},
		{s.Event(at, events.ExecStart("sh -c ls\nls")),
			"2026-01-02 15:04:05.123456 container exec_start: sh -c ls\\nls shop-web-1.x (a.b=<c>, image=web:1, name=shop-web-1)\n",
			`{"action":"exec_start: sh -c ls\nls","attributes":{"a.b":"<c>","image":"web:1","name":"shop-web-1"},"id":"shop-web-1.x","service":"web","time":"2026-01-02T15:04:05.123456789` + zone + `","type":"container"}` + "\n"},
	} {
		for json, want := range map[bool]string{false: c.text, true: c.json} {
			var b strings.Builder
			if err := writeEvent(&b, c.e, json); err != nil {
				t.Fatal(err)
			}
			if b.String() != want {
				t.Errorf("got  %swant %s", b.String(), want)
			}
		}
	}
}
