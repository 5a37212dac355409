package shim

import (
	"errors"
	"io/fs"
	"os"

	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/shim/options"
)

// rescue is what a container that has lost its shim has printed and what is not
// in its log: it is still in the FIFOs.
type rescue struct {
	options options.Options
	taps    []*tap
}

// openRescue opens the FIFOs of a task's bundle. From then on what is in them
// stays, also when the container ends.
func openRescue(o options.Options, bundle string) (*rescue, error) {
	r := &rescue{options: o}
	for _, s := range streamsOf(false) {
		t, err := openTap(s, fifo(bundle, s))
		if errors.Is(err, fs.ErrNotExist) {
			continue // a terminal has one, and a task that was never created none
		}
		if err != nil {
			return nil, errors.Join(err, r.close())
		}
		r.taps = append(r.taps, t)
	}
	return r, nil
}

// finish writes to the log what is in the FIFOs, once the container has ended.
func (r *rescue) finish() error {
	if len(r.taps) == 0 || r.options.Driver == options.None {
		return r.close()
	}
	if _, err := os.Stat(r.options.Dir); errors.Is(err, fs.ErrNotExist) {
		return r.close() // removed meanwhile: leave no trace
	}
	w, err := logs.OpenWriter(r.options.Dir, r.options.Log)
	if err != nil {
		return errors.Join(err, r.close())
	}
	for _, t := range r.taps {
		// Somebody outside of the container may have it open for ever.
		err = errors.Join(err, t.end(quietLimit), w.Copy(t.stream, t))
	}
	return errors.Join(err, w.Close(), r.close())
}

func (r *rescue) close() error {
	var err error
	for _, t := range r.taps {
		err = errors.Join(err, t.Close())
	}
	return err
}
