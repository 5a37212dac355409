package events

import (
	"testing"
	"time"
)

// What noting an event costs those who start, stop and end containers.
func BenchmarkNote(b *testing.B) {
	j := In(b.TempDir())
	s := Subject{ID: "shop-web-1.abcdefghij", Project: "shop", Service: "web", Name: "shop-web-1", Image: "web:1"}
	at := time.Now()
	for b.Loop() {
		j.Note(s.Event(at, Start))
	}
}
