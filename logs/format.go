package logs

import (
	"bytes"
	"time"
)

// appendHeader appends all of an entry's line that comes before its text.
func appendHeader(b []byte, t time.Time, s Stream, partial bool) []byte {
	b = t.UTC().AppendFormat(b, stampLayout)
	b = append(b, ' ')
	b = append(b, s...)
	if partial {
		return append(b, " P "...)
	}
	return append(b, " F "...)
}

// parser reads lines of log files. It remembers the last time stamp it has seen,
// which neighbouring lines mostly share, and its second.
type parser struct {
	stamp  [stampSize]byte
	at     time.Time // zero: none has been seen
	prefix [len("2006-01-02T15:04:05")]byte
	second time.Time
}

// parse reads one line of a log file, given without its newline. It reports
// false for anything else: torn or foreign lines. The entry shares line's
// memory.
func (p *parser) parse(line []byte) (Entry, bool) {
	if e, ok := p.own(line); ok {
		return e, true
	}
	return p.any(line)
}

// The places of what comes after the time stamp in a line that we have written.
const (
	streamAt = stampSize + len(" ")
	markAt   = streamAt + len("stdout ")
	textAt   = markAt + len("F ")
)

// own reads a line in the form that we write, in which everything has its place.
func (p *parser) own(line []byte) (e Entry, ok bool) {
	if len(line) < textAt || line[stampSize] != ' ' || line[markAt-1] != ' ' || line[textAt-1] != ' ' {
		return e, false
	}
	switch string(line[streamAt : markAt-1]) {
	case string(Stdout):
		e.Stream = Stdout
	case string(Stderr):
		e.Stream = Stderr
	default:
		return e, false
	}
	switch line[markAt] {
	case 'F':
	case 'P':
		e.Partial = true
	default:
		return e, false
	}
	e.Line = line[textAt:]
	if string(line[:stampSize]) != string(p.stamp[:]) || p.at.IsZero() {
		at, ok := p.time(line[:stampSize])
		if !ok {
			return e, false
		}
		copy(p.stamp[:], line)
		p.at = at
	}
	e.Time = p.at
	return e, true
}

// any reads a line in any form that the format has.
func (p *parser) any(line []byte) (Entry, bool) {
	stamp, rest, ok := bytes.Cut(line, []byte{' '})
	if !ok {
		return Entry{}, false
	}
	var e Entry
	switch {
	case bytes.HasPrefix(rest, []byte("stdout ")):
		e.Stream = Stdout
	case bytes.HasPrefix(rest, []byte("stderr ")):
		e.Stream = Stderr
	default:
		return Entry{}, false
	}
	rest = rest[len("stdout "):]
	if len(rest) < 2 || rest[1] != ' ' || rest[0] != 'F' && rest[0] != 'P' {
		return Entry{}, false
	}
	e.Partial, e.Line = rest[0] == 'P', rest[2:]
	e.Time, ok = p.time(stamp)
	return e, ok
}

// time reads a time stamp: quickly if it has the form that we write.
func (p *parser) time(stamp []byte) (time.Time, bool) {
	if len(stamp) != stampSize || stamp[stampSize-1] != 'Z' || stamp[len(p.prefix)] != '.' {
		t, err := time.Parse(time.RFC3339Nano, string(stamp))
		return t.UTC(), err == nil
	}
	nanos := time.Duration(0)
	for _, c := range stamp[len(p.prefix)+1 : stampSize-1] {
		if c < '0' || c > '9' {
			return time.Time{}, false
		}
		nanos = nanos*10 + time.Duration(c-'0')
	}
	if !bytes.Equal(p.prefix[:], stamp[:len(p.prefix)]) {
		t, err := time.Parse(time.RFC3339, string(stamp[:len(p.prefix)])+"Z")
		if err != nil {
			return time.Time{}, false
		}
		copy(p.prefix[:], stamp)
		p.second = t
	}
	return p.second.Add(nanos), true
}
