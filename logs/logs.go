// Package logs keeps what containers print: it writes, rotates, reads, follows
// and merges container logs.
//
// A container's log is a folder with the files log (the live one), log.1 (the
// one before), log.2 and so on. Each file holds lines in the form that the
// Kubernetes container runtime interface defines for container logs:
//
//	2026-05-09T07:29:33.186000000Z stdout F text of the line
//
// that is: an RFC 3339 time, the stream, F for a line that had a newline or P
// for a piece of one that had not, and the text. Files only ever grow at their
// end, and rotation only renames them: a reader's place in a file stays right.
package logs

import (
	"strconv"
	"time"
)

// Stream tells which of a container's two outputs a line came from. A terminal
// has one output, Stdout.
type Stream string

// The streams.
const (
	Stdout Stream = "stdout"
	Stderr Stream = "stderr"
)

// MaxLine is the longest text of one entry in bytes; longer lines become
// several entries, all but the last of them Partial. It is Docker's limit
// (daemon/logger/copier.go).
const MaxLine = 16 << 10

// Entry is a line that a container printed, or a piece of one.
type Entry struct {
	Time   time.Time // when it was read from the container, UTC
	Stream Stream
	Line   []byte // without its newline
	// Partial is set if no newline followed Line: the next entry of the same
	// stream goes on where this one ends.
	Partial bool
}

// Limits bound the space that one container's log takes.
type Limits struct {
	MaxSize  int64 // of one file in bytes; 0: no limit
	MaxFiles int   // the live file counts; 0 means 1
}

// Source is the log of one container.
type Source struct {
	Name string // the caller's, handed back with each entry
	Dir  string // the folder of the log files
}

// Query chooses entries. Mind that the zero Tail chooses none of the past.
type Query struct {
	Since, Until time.Time // inclusive; zero: no limit
	// Tail is how many of the last lines of each source to begin with, among
	// those between Since and Until; below zero: all of them.
	Tail int
}

const (
	liveName = "log"
	// stampLayout is RFC 3339 with all nine digits, so that lines sort as text.
	stampLayout = "2006-01-02T15:04:05.000000000Z07:00"
	stampSize   = len("2006-01-02T15:04:05.000000000Z")
	// maxRecord is longer than any line of a log file that we write.
	maxRecord = stampSize + len(" stdout F ") + MaxLine + 1
)

// fileName returns the name of the i-th newest log file, from 0.
func fileName(i int) string {
	if i == 0 {
		return liveName
	}
	return liveName + "." + strconv.Itoa(i)
}
