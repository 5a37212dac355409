package view

import "io"

// footer is a line below all that is printed above it, on the terminal that w
// leads to. The zero value is none.
type footer struct {
	w    io.Writer
	line string
}

const eraseLine = "\r" + clearRight

// Footer shows a line below what is printed by way of Above, when no moving
// progress is; w leads to the same terminal. The line must not be wider than that.
// An empty one takes it away.
func (c *Console) Footer(w io.Writer, line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.busy {
		c.footer.erase()
	}
	c.footer = footer{w, line}
	if !c.busy {
		c.footer.draw()
	}
}

func (f footer) erase() {
	if f.line != "" {
		_, _ = io.WriteString(f.w, eraseLine) // who prints above it hears of it
	}
}

func (f footer) draw() {
	if f.line != "" {
		_, _ = io.WriteString(f.w, f.line)
	}
}

// above writes whole lines above the footer.
func (f footer) above(w io.Writer, lines []byte) (int, error) {
	if f.line == "" {
		return w.Write(lines)
	}
	text := append([]byte(eraseLine), lines...)
	if _, err := w.Write(append(text, f.line...)); err != nil {
		return 0, err
	}
	return len(lines), nil
}
