package cmd

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
)

func TestKeysAreReadAsDockerWritesThem(t *testing.T) {
	for text, want := range map[string]string{
		"":                "",
		"ctrl-p,ctrl-q":   "\x10\x11",
		"a":               "a",
		"ctrl-@,ctrl-_,x": "\x00\x1fx",
		"ctrl-[,~":        "\x1b~",
	} {
		if keys, err := parseKeys(text); string(keys) != want || err != nil {
			t.Errorf("%q: %q, %v", text, keys, err)
		}
	}
	for _, text := range []string{",", "ab", "ctrl-", "ctrl-P", "ctrl-ab", "ctrl-p,", "é", "ctrl-1"} {
		if keys, err := parseKeys(text); err == nil || !strings.Contains(err.Error(), "is no key") {
			t.Errorf("%q: %q, %v", text, keys, err)
		}
	}
}

// Of all that is typed only the sequence is not passed on, in whatever pieces it
// comes.
func TestKeysAreFoundAmongWhatIsTyped(t *testing.T) {
	const keys = "aab"
	for typed, want := range map[string]struct {
		passed string
		left   bool
	}{
		"":           {"", false},
		"aab":        {"", true},
		"xaabrest":   {"x", true},
		"aaab":       {"a", true},
		"aacaab":     {"aac", true},
		"abaab":      {"ab", true},
		"aa":         {"aa", false}, // the beginning of it is not withheld for good
		"hello a aa": {"hello a aa", false},
	} {
		for name, pieces := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "end with data": iotest.DataErrReader,
		} {
			left := false
			r := &keyReader{Reader: pieces(strings.NewReader(typed)), keys: []byte(keys), pressed: func() { left = true }}
			got, err := io.ReadAll(r)
			if string(got) != want.passed || left != want.left || errors.Is(err, errDetached) != want.left {
				t.Errorf("%q, %s: %q, left %v, %v", typed, name, got, left, err)
			}
		}
	}
}

func TestAReadThatWaitsCanBeStopped(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	s, err := newStoppable(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteString("typed"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 10)
	if n, err := s.Read(buf); string(buf[:n]) != "typed" || err != nil {
		t.Errorf("read %q, %v", buf[:n], err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := s.Read(buf)
		ended <- err
	}()
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || err == io.EOF {
		t.Errorf("it ends with %v, as if that were all", err)
	}
}
