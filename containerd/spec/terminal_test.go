package spec

import (
	"slices"
	"testing"
)

func TestATerminalHasASizeAndAKind(t *testing.T) {
	in := input()
	s, err := Build(in)
	if err != nil || s.Process.Terminal || s.Process.ConsoleSize != nil || slices.Contains(s.Process.Env, "TERM=xterm") {
		t.Errorf("without a terminal: %+v, %v", s.Process, err)
	}
	in.Container.TTY = true
	s, err = Build(in)
	if err != nil {
		t.Fatal(err)
	}
	if size := s.Process.ConsoleSize; !s.Process.Terminal || size == nil || size.Width != 80 || size.Height != 24 {
		t.Errorf("terminal %v of size %v", s.Process.Terminal, s.Process.ConsoleSize)
	}
	if !slices.Contains(s.Process.Env, "TERM=xterm") {
		t.Errorf("environment %q", s.Process.Env)
	}
	in.Image.Env = []string{"TERM=vt100"}
	if s, err = Build(in); err != nil || !slices.Contains(s.Process.Env, "TERM=vt100") || slices.Contains(s.Process.Env, "TERM=xterm") {
		t.Errorf("the image's TERM does not count: %q, %v", s.Process.Env, err)
	}
}
