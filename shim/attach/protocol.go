// Package attach connects clients with what a container prints and reads, over a
// socket of its shim.
//
// Both sides send frames: one byte that says what it is, four of the length, most
// significant first, and as many bytes. A client begins with hello and is answered
// welcome: it gets all that is printed from then on. The shim ends with exit, or,
// for a client that is left behind, with cut. Frames of an unknown kind are passed
// over, so that either side may be older than the other.
package attach

import (
	"encoding/binary"
	"fmt"
	"io"
)

type kind byte

const (
	// From the client.
	hello    kind = 1 // options, one bit each
	input    kind = 2 // bytes for standard input
	inputEnd kind = 3 // standard input has its end

	// From the shim.
	welcome kind = 16
	stdout  kind = 17
	stderr  kind = 18
	cut     kind = 19 // what follows would not be complete
	exit    kind = 20 // the exit code, in four bytes
)

// Bits of hello.
const bitPatient = 1

const (
	headSize = 5
	// maxPayload bounds what one frame carries, and what a reader has to keep.
	maxPayload = 64 << 10
)

// appendHead appends the head of a frame that carries n bytes.
func appendHead(b []byte, k kind, n int) []byte {
	return binary.BigEndian.AppendUint32(append(b, byte(k)), uint32(n))
}

// frame returns a whole small frame.
func frame(k kind, payload ...byte) []byte {
	return append(appendHead(nil, k, len(payload)), payload...)
}

// readFrame reads a frame into buf, which is maxPayload long, and returns what it
// carries, which is good until buf is used again. The error is io.EOF when nothing
// follows, and only then.
func readFrame(r io.Reader, buf []byte) (kind, []byte, error) {
	var head [headSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxPayload {
		return 0, nil, fmt.Errorf("a frame of %d bytes: more than %d", n, maxPayload)
	}
	if _, err := io.ReadFull(r, buf[:n]); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	return kind(head[0]), buf[:n], nil
}

// exitCode reads what an exit frame carries.
func exitCode(payload []byte) (int, error) {
	if len(payload) != 4 {
		return 0, fmt.Errorf("an exit code of %d bytes", len(payload))
	}
	return int(binary.BigEndian.Uint32(payload)), nil
}

func exitFrame(code int) []byte {
	return binary.BigEndian.AppendUint32(appendHead(nil, exit, 4), uint32(code))
}
