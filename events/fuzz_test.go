package events

import (
	"bytes"
	"encoding/json"
	"testing"
)

// Whatever a journal has in it, a whole line behind it is read.
func FuzzLine(f *testing.F) {
	f.Add([]byte(`{"time":"2026-01-02T15:04:05Z","action":"start"}`), "sh -c ls")
	f.Add([]byte(`{"time":"2026-01-`), `{"time":"`)
	f.Fuzz(func(t *testing.T, before []byte, command string) {
		parse(before)
		e := event(1, ExecStart(command))
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.ContainsRune(line, '\n') {
			t.Fatalf("%q is no line", line)
		}
		got, ok := parse(append(before[:len(before):len(before)], line...))
		if !ok || !got.Time.Equal(e.Time) || got.ID != e.ID {
			t.Errorf("%q: %+v, %v", line, got, ok)
		}
	})
}
