package logs

import (
	"bytes"
	"testing"
	"time"
)

func FuzzParse(f *testing.F) {
	f.Add([]byte("2026-05-09T07:29:33.186000000Z stdout F text"))
	f.Add([]byte("2026-05-09T07:29:33.186Z stderr P "))
	f.Add([]byte("2026-05-09T07:29:33+02:00 stdout F a b"))
	f.Add([]byte("2026-13-09T07:29:33.186000000Z stdout F text"))
	f.Add([]byte(" stdout F "))
	f.Add(append(make([]byte, stampSize), " stdout F text"...))
	f.Add([]byte("2026-05-09T07:29:33.186000000Z stdout X text"))
	f.Add([]byte("2026-05-09T07:29:33.186000000+ stdout F text"))
	f.Fuzz(func(t *testing.T, line []byte) {
		var p parser
		e, ok := p.parse(line)
		var other parser
		a, aok := other.any(line)
		if ok != aok || ok && (!a.Time.Equal(e.Time) || a.Stream != e.Stream || a.Partial != e.Partial || !bytes.Equal(a.Line, e.Line)) {
			t.Fatalf("%q is %v %v by its places, %v %v by its words", line, e, ok, a, aok)
		}
		if b, bok := p.parse(line); bok != ok || !b.Time.Equal(e.Time) {
			t.Fatalf("%q is %v %v, and then %v %v", line, e, ok, b, bok)
		}
		if !ok {
			return
		}
		if y := e.Time.Year(); y < 0 || y > 9999 {
			return // cannot be written in this form
		}
		again := append(appendHeader(nil, e.Time, e.Stream, e.Partial), e.Line...)
		b, ok := p.parse(again)
		if !ok || !b.Time.Equal(e.Time) || b.Stream != e.Stream || b.Partial != e.Partial || !bytes.Equal(b.Line, e.Line) {
			t.Fatalf("%q was written as %q", line, again)
		}
	})
}

func TestOtherTimeStampsOfTheFormatAreRead(t *testing.T) {
	want := time.Date(2026, 5, 9, 7, 29, 33, 186_000_000, time.UTC)
	for _, stamp := range []string{
		"2026-05-09T07:29:33.186000000Z", "2026-05-09T07:29:33.186Z", "2026-05-09T09:29:33.186+02:00",
	} {
		var p parser
		e, ok := p.parse([]byte(stamp + " stdout F x"))
		if !ok || !e.Time.Equal(want) || e.Time.Location() != time.UTC {
			t.Errorf("%s: %v %v", stamp, e.Time, ok)
		}
	}
}
