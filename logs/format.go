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

// parser reads lines of log files. It remembers the last second it has seen,
// for neighbouring lines mostly share it.
type parser struct {
	prefix [len("2006-01-02T15:04:05")]byte
	second time.Time
}

// parse reads one line of a log file, given without its newline. It reports
// false for anything else: torn or foreign lines. The entry shares line's
// memory.
func (p *parser) parse(line []byte) (Entry, bool) {
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
