package passage

import (
	"encoding/binary"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// heading is the entry that begins a user's chain, or ends the table.
func heading(l layout, name string) []byte {
	b := make([]byte, l.size+targetHeader+32)
	binary.NativeEndian.PutUint16(b[l.target:], uint16(l.size))
	binary.NativeEndian.PutUint16(b[l.target+2:], uint16(len(b)))
	copy(b[l.size+2:], "ERROR")
	copy(b[l.size+targetHeader:], name)
	return b
}

func verdict(l layout, in string, code int32) []byte {
	b := make([]byte, l.size+targetHeader+8)
	binary.NativeEndian.PutUint16(b[l.target:], uint16(l.size))
	binary.NativeEndian.PutUint16(b[l.target+2:], uint16(len(b)))
	copy(b[l.addresses:], in)
	binary.NativeEndian.PutUint32(b[l.size+targetHeader:], uint32(code))
	return b
}

// table has FORWARD with a jump, and a chain with one rule.
func table(l layout) (b []byte, policy int) {
	size := len(verdict(l, "", 0))
	begins := 2*size + len(heading(l, ""))
	return slices.Concat(
		verdict(l, "", int32(begins)), verdict(l, "", -2),
		heading(l, "GOCOMPOSE"), verdict(l, "gc-+", -2), verdict(l, "", -5), heading(l, "ERROR"),
	), size
}

func TestALegacyTableIsReadAsIPTablesWritesIt(t *testing.T) {
	for _, l := range []layout{layoutIPv4, layoutIPv6} {
		b, policy := table(l)
		chains, err := l.chains(b, 0, policy)
		if err != nil || len(chains) != 2 || !slices.Equal(chains["FORWARD"], []string{"-j GOCOMPOSE"}) ||
			!slices.Equal(chains["GOCOMPOSE"], []string{"-i gc-+ -j ACCEPT"}) {
			t.Errorf("%v (%v)", chains, err)
		}
	}
}

func FuzzLegacyTable(f *testing.F) {
	for _, l := range []layout{layoutIPv4, layoutIPv6} {
		b, policy := table(l)
		f.Add(b, 0, policy)
	}
	f.Fuzz(func(t *testing.T, b []byte, begin, policy int) {
		for _, l := range []layout{layoutIPv4, layoutIPv6} {
			_, _ = l.chains(b, begin, policy)
		}
	})
}

func FuzzEventsOfFiles(f *testing.F) {
	event := make([]byte, unix.SizeofInotifyEvent+16)
	event[12] = 16
	copy(event[unix.SizeofInotifyEvent:], lockFile)
	if !about(event, lockFile) || about(event, "other") {
		f.Error("an event is taken for another's")
	}
	f.Add(event)
	f.Fuzz(func(t *testing.T, b []byte) { _ = about(b, lockFile) })
}
