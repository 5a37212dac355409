package view

import (
	"io"
	"os"
	"sync"
)

// Console lets lines be printed while progress is shown, on the same terminal or
// into the same file: lines scroll by above a moving progress, and none is torn
// by a line of a plain one. The zero value is one where no progress is shown.
type Console struct {
	mu      sync.Mutex
	busy    bool // a moving progress is shown
	footer  footer
	held    []heldLines
	outputs []*output
}

// output is where whole lines of several writers go. Each has a lock of its own:
// one that takes nothing more must not keep the others.
type output struct {
	mu sync.Mutex
	w  io.Writer
}

// heldLines are lines to be written to the terminal with the next frame.
type heldLines struct {
	to   io.Writer
	text []byte
}

// Above returns a writer of whole lines to w, which leads to the terminal that
// moving progress is shown on: they are written above it, with its next frame.
func (c *Console) Above(w io.Writer) io.Writer { return above{c, w} }

// Beside returns a writer of whole lines to w, which leads elsewhere.
func (c *Console) Beside(w io.Writer) io.Writer { return beside{c.output(w), w} }

// output returns the one that leads where w does.
func (c *Console) output(w io.Writer) *output {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.outputs {
		if sameOutput(o.w, w) {
			return o
		}
	}
	o := &output{w: w}
	c.outputs = append(c.outputs, o)
	return o
}

// sameOutput tells whether two writers are one, or files that are.
func sameOutput(a, b io.Writer) bool {
	fa, isFile := a.(*os.File)
	fb, areFiles := b.(*os.File)
	if !isFile || !areFiles {
		return a == b
	}
	ia, aerr := fa.Stat()
	ib, berr := fb.Stat()
	return aerr == nil && berr == nil && os.SameFile(ia, ib)
}

type above struct {
	c *Console
	w io.Writer
}

func (a above) Write(b []byte) (int, error) {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	if !a.c.busy {
		return a.c.footer.above(a.w, b)
	}
	last := len(a.c.held) - 1
	if last < 0 || a.c.held[last].to != a.w {
		a.c.held = append(a.c.held, heldLines{to: a.w})
		last++
	}
	a.c.held[last].text = append(a.c.held[last].text, b...)
	return len(b), nil
}

type beside struct {
	to *output
	w  io.Writer
}

func (s beside) Write(b []byte) (int, error) {
	s.to.mu.Lock()
	defer s.to.mu.Unlock()
	return s.w.Write(b)
}

// begin: moving progress is shown from now on.
func (c *Console) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.footer.erase()
	c.busy = true
}

// take returns what is to be written above the next frame.
func (c *Console) take() []heldLines {
	c.mu.Lock()
	defer c.mu.Unlock()
	held := c.held
	c.held = nil
	return held
}

// end has last draw the last frame, and lets nobody write until that is done.
func (c *Console) end(last func([]heldLines)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last(c.held)
	c.busy, c.held = false, nil
	c.footer.draw()
}
