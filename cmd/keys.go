package cmd

import (
	"bytes"
	"io"
	"strings"
)

// defaultDetachKeys are docker's.
const defaultDetachKeys = "ctrl-p,ctrl-q"

// parseKeys reads a sequence of keys as docker writes them: letters and other single
// characters, and ctrl- with a letter or one of @[\]^_, with commas between. An empty
// one is none.
func parseKeys(text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	var keys []byte
	for _, key := range strings.Split(text, ",") {
		name, ctrl := strings.CutPrefix(key, "ctrl-")
		if len(name) != 1 || name[0] >= 0x80 {
			return nil, usage("--detach-keys is %q: %q is no key: a character, or ctrl- and one of a-z@[\\]^_", text, key)
		}
		c := name[0]
		switch {
		case !ctrl:
		case 'a' <= c && c <= 'z':
			c -= 'a' - 1
		case c == '@' || '[' <= c && c <= '_':
			c -= '@'
		default:
			return nil, usage("--detach-keys is %q: %q is no key: a character, or ctrl- and one of a-z@[\\]^_", text, key)
		}
		keys = append(keys, c)
	}
	return keys, nil
}

// keyReader is what is typed until a sequence of keys is pressed. Of a sequence that
// has begun nothing is passed on until it is another.
type keyReader struct {
	io.Reader
	keys    []byte
	pressed func()

	held    int    // how many of the keys were pressed
	pending []byte // what is to be passed on
	end     error
}

// Read implements io.Reader. Nothing follows the keys but errDetached.
func (k *keyReader) Read(p []byte) (int, error) {
	for len(k.pending) == 0 && k.end == nil {
		n, err := k.Reader.Read(p)
		k.end = err
		if k.scan(p[:n]) {
			k.end = errDetached
			k.pressed()
		} else if err != nil { // nothing will make a sequence of it
			k.pending = append(k.pending, k.keys[:k.held]...)
			k.held = 0
		}
	}
	n := copy(p, k.pending)
	if k.pending = k.pending[n:]; len(k.pending) > 0 {
		return n, nil
	}
	return n, k.end
}

// scan adds what is typed to what is pending, but for what may be the beginning of
// the sequence; true: the sequence was pressed, and nothing counts after it.
func (k *keyReader) scan(typed []byte) bool {
	for _, c := range typed {
		for k.held > 0 && c != k.keys[k.held] {
			k.shift()
		}
		if c != k.keys[k.held] {
			k.pending = append(k.pending, c)
			continue
		}
		if k.held++; k.held == len(k.keys) {
			return true
		}
	}
	return false
}

// shift gives up that the sequence begins where it seemed to.
func (k *keyReader) shift() {
	was := k.keys[:k.held]
	for n := 1; ; n++ {
		if bytes.HasPrefix(k.keys, was[n:]) {
			k.pending = append(k.pending, was[:n]...)
			k.held -= n
			return
		}
	}
}
