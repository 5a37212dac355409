package view

import (
	"io"
	"time"
)

// batchSize is how much of buffered lines is written at once, in bytes.
const batchSize = 64 << 10

// batch is lines that are written together.
type batch struct {
	to  io.Writer
	buf []byte // what is to be written, appended to by others
	err error  // the first
}

// flush writes what is there. After an error nothing more is written.
func (b *batch) flush() error {
	if b.err == nil && len(b.buf) > 0 {
		_, b.err = b.to.Write(b.buf)
	}
	b.buf = b.buf[:0]
	return b.err
}

// timestampLayout is RFC 3339 with all nine digits, as Docker prints it.
const timestampLayout = "2006-01-02T15:04:05.000000000Z07:00"

// stamper writes times. It remembers the last second, which those of neighbouring
// lines mostly share.
type stamper struct {
	second int64
	buf    []byte // the text; empty: there is none yet
}

// text returns the time in UTC and a space, good until the next call.
func (s *stamper) text(t time.Time) []byte {
	if second := t.Unix(); len(s.buf) == 0 || s.second != second {
		s.second = second
		s.buf = append(t.UTC().AppendFormat(s.buf[:0], timestampLayout), ' ')
		return s.buf
	}
	end := len(s.buf) - len("Z ")
	for i, nanos := end-1, t.Nanosecond(); i >= end-9; i-- {
		s.buf[i] = byte('0' + nanos%10)
		nanos /= 10
	}
	return s.buf
}
