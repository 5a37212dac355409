package view

import (
	"sync"
	"time"

	"github.com/gocompose/gocompose/project"
)

// frameInterval is the time between two frames: spinners look alive, and the
// terminal is left in peace.
const frameInterval = 100 * time.Millisecond

// tty shows a line for each resource, redrawn in place.
type tty struct {
	opt  ProgressOptions
	stop chan struct{}
	idle sync.WaitGroup
	// share is how many share the terminal's rows: lines need room too.
	share int

	mu     sync.Mutex // guards what follows
	board  board
	screen screen
}

func newTTY(out *sticky, opt ProgressOptions) *tty {
	b := board{title: opt.Title, colour: opt.Colour, dryRun: opt.DryRun, at: map[project.ID]int{}}
	t := &tty{opt: opt, stop: make(chan struct{}), board: b, screen: screen{out: out}, share: 1}
	if opt.Console != nil {
		t.share = 2
	} else {
		t.opt.Console = &Console{}
	}
	return t
}

func (t *tty) begin(total int) {
	t.board.total = total
	if total == 0 {
		return
	}
	t.opt.Console.begin()
	t.screen.open()
	t.idle.Go(func() {
		tick := time.NewTicker(frameInterval)
		defer tick.Stop()
		for {
			select {
			case <-t.stop:
				return
			case <-tick.C:
				t.draw()
			}
		}
	})
}

func (t *tty) show(u update) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.board.put(u)
}

func (t *tty) draw() {
	t.mu.Lock()
	defer t.mu.Unlock()
	columns, rows := t.opt.Size()
	t.scroll(t.opt.Console.take(), columns, rows)
	t.screen.draw(t.board.lines(time.Now(), columns, rows/t.share-1), columns, rows)
}

// scroll writes lines above the board, which is drawn anew after that.
func (t *tty) scroll(lines []heldLines, columns, rows int) {
	if len(lines) > 0 {
		t.screen.erase(columns, rows)
	}
	for _, l := range lines {
		_, _ = l.to.Write(l.text) // who printed them hears of it when the next are
	}
}

func (t *tty) end() error {
	close(t.stop)
	t.idle.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.board.total > 0 {
		t.opt.Console.end(func(lines []heldLines) {
			columns, rows := t.opt.Size()
			t.scroll(lines, columns, rows)
			t.screen.draw(t.board.lines(time.Now(), columns, 0), columns, rows)
			t.screen.close()
		})
	}
	return t.screen.out.err
}
