package containerd

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func testPipes(t *testing.T, parent string) *pipes {
	t.Helper()
	p, err := makePipes(parent, t.Name(), ExecRequest{Input: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.close() })
	return p
}

// printer opens the output as the program does.
func printer(t *testing.T, p *pipes) (out, errs *os.File) {
	t.Helper()
	out, err := os.OpenFile(p.path(outName), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if errs, err = os.OpenFile(p.path(errName), os.O_WRONLY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		out.Close()
		errs.Close()
	})
	return out, errs
}

func TestWhatAProgramPrintsIsCopiedToItsEnd(t *testing.T) {
	parent := t.TempDir()
	p := testPipes(t, parent)
	out, errs := printer(t, p)
	if err := p.started(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(parent); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
	text := strings.Repeat("a line\n", 1<<15)
	go func() {
		_, _ = io.WriteString(out, text) // what is missing shows
		_, _ = io.WriteString(errs, "an error")
		out.Close()
		errs.Close()
	}()
	var gotOut, gotErrs bytes.Buffer
	if err := p.copy(&gotOut, &gotErrs); err != nil || gotOut.String() != text || gotErrs.String() != "an error" {
		t.Errorf("%d bytes, %q, %v", gotOut.Len(), gotErrs.String(), err)
	}
}

// The program has ended, and something that it has started goes on.
func TestWhatHoldsTheOutputOpenIsNotWaitedFor(t *testing.T) {
	p := testPipes(t, t.TempDir())
	out, _ := printer(t, p)
	if err := p.started(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(out, "the last of it"); err != nil {
		t.Fatal(err)
	}
	p.finish()
	var got bytes.Buffer
	if err := p.copy(&got, nil); err != nil || got.String() != "the last of it" {
		t.Errorf("%q, %v", got.String(), err)
	}
}

type failing struct{ error }

func (f failing) Write([]byte) (int, error) { return 0, f.error }

// Nobody takes one of the streams any more: the other one is not waited for.
func TestAWriterThatFailsEndsTheCopying(t *testing.T) {
	p := testPipes(t, t.TempDir())
	out, _ := printer(t, p)
	if _, err := io.WriteString(out, "x"); err != nil {
		t.Fatal(err)
	}
	why := errors.New("the disk is full")
	if err := p.copy(failing{why}, io.Discard); !errors.Is(err, why) {
		t.Error(err)
	}
}

func TestFIFOsOfKilledCommandsAreSwept(t *testing.T) {
	parent := t.TempDir()
	living := testPipes(t, parent)
	killed, err := makePipes(parent, "killed", ExecRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*os.File{killed.out, killed.errs, killed.alive} {
		f.Close() // as the kernel does
	}
	if err := os.Mkdir(filepath.Join(parent, "begun"), 0o700); err != nil {
		t.Fatal(err)
	}
	next, err := makePipes(parent, "next", ExecRequest{})
	if err != nil {
		t.Fatal(err)
	}
	defer next.close()
	there, err := os.ReadDir(parent)
	if len(there) != 2 || err != nil {
		t.Errorf("there are %v, %v; want those of %s and next", there, err, filepath.Base(living.dir))
	}
}
