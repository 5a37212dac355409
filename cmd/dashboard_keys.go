package cmd

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// key is what a key of the dashboard is for.
type key int

const (
	keyNone key = iota
	keyUp
	keyDown
	keyLogs
	keyRedraw
	keyQuit
	keyInterrupt
)

// keyNames are what terminals send: cursor keys in both of their modes.
func keyNames() map[string]key {
	return map[string]key{
		"\x1b[A": keyUp, "\x1bOA": keyUp, "k": keyUp,
		"\x1b[B": keyDown, "\x1bOB": keyDown, "j": keyDown,
		"l": keyLogs, "L": keyLogs,
		"\x0c": keyRedraw,                              // Ctrl-L
		"q":    keyQuit, "Q": keyQuit, "\x04": keyQuit, // Ctrl-D
		"\x03": keyInterrupt, // Ctrl-C
	}
}

// keysIn returns the keys in what was typed. Those that mean nothing are left out.
func keysIn(typed string) []key {
	names := keyNames()
	var keys []key
	for typed != "" {
		n := 1
		if strings.HasPrefix(typed, "\x1b") { // a sequence is sent in one piece
			n = sequence(typed)
		}
		if k := names[typed[:n]]; k != keyNone {
			keys = append(keys, k)
		}
		typed = typed[n:]
	}
	return keys
}

// sequence is the length of an escape sequence: of the escape key alone it is 1.
func sequence(s string) int {
	if len(s) < 3 || s[1] != '[' && s[1] != 'O' {
		return 1
	}
	for i := 2; i < len(s); i++ {
		if s[i] >= '@' && s[i] <= '~' {
			return i + 1
		}
	}
	return len(s)
}

// readKeys returns the keys that are typed until stop is called. The channel is
// closed when the terminal has gone.
func readKeys(in *os.File) (_ <-chan key, stop func(), err error) {
	ending, end, err := os.Pipe() // what is being waited for cannot be given up otherwise
	if err != nil {
		return nil, nil, fmt.Errorf("reading keys: %w", err)
	}
	keys, done := make(chan key), make(chan struct{})
	go func() {
		defer close(keys)
		buf := make([]byte, 64)
		for typed(in, ending) {
			n, err := in.Read(buf)
			if err != nil {
				return
			}
			for _, k := range keysIn(string(buf[:n])) {
				select {
				case keys <- k:
				case <-done:
					return
				}
			}
		}
	}()
	return keys, func() {
		close(done)
		_ = end.Close()
		for range keys {
		}
		_ = ending.Close()
	}, nil
}

// typed waits for something to read; false: it is to end.
func typed(in, ending *os.File) bool {
	fds := []unix.PollFd{{Fd: int32(in.Fd()), Events: unix.POLLIN}, {Fd: int32(ending.Fd()), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds, -1)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		return err == nil && fds[1].Revents == 0
	}
}
