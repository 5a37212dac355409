package containerd

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/shim/options"
)

// pipes are the FIFOs of a program.
type pipes struct {
	dir       string
	in        *os.File // for reading too, so that it has a reader at all times; nil: none
	out, errs *os.File // errs is nil with a terminal
	alive     *os.File // for reading too
	writers   []*os.File
	finished  atomic.Bool
}

const (
	inName, outName, errName = "in", "out", "err"
)

// makePipes makes the FIFOs in a folder of parent, and takes away those of commands
// that were killed before their programs had started.
func makePipes(parent, name string, r ExecRequest) (*pipes, error) {
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, err
	}
	lock, err := os.Open(parent)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	// While it is held no folder is there that nobody has open yet.
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return nil, &fs.PathError{Op: "flock", Path: parent, Err: err}
	}
	if err := sweepPipes(parent); err != nil {
		return nil, err
	}
	p := &pipes{dir: filepath.Join(parent, name)}
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		return nil, err
	}
	if err := p.open(r); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// sweepPipes takes away the folders that nobody has open.
func sweepPipes(parent string) error {
	there, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, d := range there {
		dir := filepath.Join(parent, d.Name())
		alive, err := os.OpenFile(filepath.Join(dir, options.AliveFile), os.O_WRONLY|unix.O_NONBLOCK, 0)
		if err == nil {
			_ = alive.Close()
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

func (p *pipes) open(r ExecRequest) (err error) {
	if p.alive, err = openFifo(p.path(options.AliveFile), os.O_RDWR); err != nil {
		return err
	}
	if r.detached {
		return nil
	}
	if r.Input {
		if p.in, err = openFifo(p.path(inName), os.O_RDWR); err != nil {
			return err
		}
	}
	if p.out, err = p.output(outName); err != nil || r.Terminal {
		return err
	}
	p.errs, err = p.output(errName)
	return err
}

func (p *pipes) path(name string) string { return filepath.Join(p.dir, name) }

// output opens a FIFO for reading, and keeps its end from coming.
func (p *pipes) output(name string) (*os.File, error) {
	r, err := openFifo(p.path(name), os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	w, err := os.OpenFile(p.path(name), os.O_WRONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	p.writers = append(p.writers, w)
	return r, nil
}

func openFifo(path string, how int) (*os.File, error) {
	if err := makeFifo(path); err != nil {
		return nil, err
	}
	return os.OpenFile(path, how|unix.O_NONBLOCK, 0)
}

func (p *pipes) request(r ExecRequest) *tasks.ExecProcessRequest {
	if r.detached {
		return &tasks.ExecProcessRequest{Stdout: p.path(options.DetachedFile)}
	}
	q := &tasks.ExecProcessRequest{Terminal: r.Terminal, Stdout: p.path(outName)}
	if p.in != nil {
		q.Stdin = p.path(inName)
	}
	if p.errs != nil {
		q.Stderr = p.path(errName)
	}
	return q
}

// started leaves the FIFOs to the program, which has them open: nobody needs their
// names any more.
func (p *pipes) started() error {
	for _, w := range p.writers {
		_ = w.Close()
	}
	p.writers = nil
	return os.RemoveAll(p.dir)
}

// copy copies the output until its end.
func (p *pipes) copy(out, errs io.Writer) error {
	failed := make(chan error, 2)
	go func() { failed <- p.drain(cmp.Or(out, io.Discard), p.out) }()
	go func() { failed <- p.drain(cmp.Or(errs, io.Discard), p.errs) }()
	first := <-failed
	if first != nil {
		p.interrupt()
	}
	return errors.Join(first, <-failed)
}

// drain copies until nobody has the FIFO open for writing, or, once the program has
// ended, nothing comes for a while.
func (p *pipes) drain(w io.Writer, r *os.File) error {
	if r == nil {
		return nil
	}
	buf := make([]byte, 64<<10)
	for {
		if p.finished.Load() {
			_ = r.SetReadDeadline(time.Now().Add(drainTime))
		}
		n, err := r.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, io.EOF), errors.Is(err, fs.ErrClosed):
			return nil
		case err != nil:
			return err
		}
	}
}

// finish has the copying end soon.
func (p *pipes) finish() {
	p.finished.Store(true)
	p.deadline(time.Now().Add(drainTime))
}

// interrupt has it end at once.
func (p *pipes) interrupt() {
	p.finished.Store(true)
	p.deadline(time.Now())
}

func (p *pipes) deadline(t time.Time) {
	for _, f := range []*os.File{p.out, p.errs} {
		if f != nil {
			_ = f.SetReadDeadline(t)
		}
	}
}

// close ends the connection with the program, which gets SIGHUP if it is there.
func (p *pipes) close() error {
	for _, f := range append(p.writers, p.in, p.out, p.errs, p.alive) {
		if f != nil {
			_ = f.Close() // it may be closed
		}
	}
	return os.RemoveAll(p.dir)
}
