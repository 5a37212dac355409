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

	mu     sync.Mutex // guards what follows
	board  board
	screen screen
}

func newTTY(out *sticky, opt ProgressOptions) *tty {
	b := board{title: opt.Title, colour: opt.Colour, dryRun: opt.DryRun, at: map[project.ID]int{}}
	return &tty{opt: opt, stop: make(chan struct{}), board: b, screen: screen{out: out}}
}

func (t *tty) begin(total int) {
	t.board.total = total
	if total == 0 {
		return
	}
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
	t.screen.draw(t.board.lines(time.Now(), columns, rows-1), columns, rows)
}

func (t *tty) end() error {
	close(t.stop)
	t.idle.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.board.total > 0 {
		columns, rows := t.opt.Size()
		t.screen.draw(t.board.lines(time.Now(), columns, 0), columns, rows)
		t.screen.close()
	}
	return t.screen.out.err
}
