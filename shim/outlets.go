package shim

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	runc "github.com/containerd/go-runc"
)

// outlets gives containers, and programs of ours that are run in them, their FIFOs as standard output, error and input. The inner
// service would put pipes between, and copy, and lose what is in them when it is
// killed. It is told that there is no output, and runs runc through us.
type outlets struct {
	runc.ProcessMonitor // the inner service's

	mu       sync.Mutex
	captures map[string]*capture  // of containers being created, by bundle
	execs    map[string]execFiles // of programs being started, by ID
}

func newOutlets(inner runc.ProcessMonitor) *outlets {
	return &outlets{ProcessMonitor: inner, captures: map[string]*capture{}, execs: map[string]execFiles{}}
}

// expect has the container that is created from bundle print into c, until
// forget.
func (o *outlets) expect(bundle string, c *capture) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.captures[bundle] = c
}

func (o *outlets) forget(bundle string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.captures, bundle)
}

// expectExec has the program that is started under that ID get the files, until
// forgetExec.
func (o *outlets) expectExec(id string, f execFiles) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.execs[id] = f
}

func (o *outlets) forgetExec(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.execs, id)
}

// Start implements runc.ProcessMonitor.
func (o *outlets) Start(c *exec.Cmd) (chan runc.Exit, error) {
	return o.start(c, o.ProcessMonitor.Start)
}

// StartLocked implements runc.ProcessMonitor.
func (o *outlets) StartLocked(c *exec.Cmd) (chan runc.Exit, error) {
	return o.start(c, o.ProcessMonitor.StartLocked)
}

// Wait implements runc.ProcessMonitor. The inner service's takes the exit from the
// kernel itself, so that Go keeps what it refers to the process with until it collects
// garbage: one file descriptor for each program that was run.
func (o *outlets) Wait(c *exec.Cmd, exits chan runc.Exit) (int, error) {
	code, err := o.ProcessMonitor.Wait(c, exits)
	_ = c.Process.Release() // it has ended
	return code, err
}

func (o *outlets) start(c *exec.Cmd, start func(*exec.Cmd) (chan runc.Exit, error)) (chan runc.Exit, error) {
	if f, ok := o.execOf(c.Args); ok {
		f.give(c)
		return start(c)
	}
	capture := o.captureOf(c.Args)
	if capture == nil {
		return start(c)
	}
	var files []*os.File
	defer func() {
		for _, f := range files {
			_ = f.Close() // the process has its own
		}
	}()
	for _, t := range capture.taps {
		f, err := t.outlet()
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	c.Stdout, c.Stderr = files[0], files[1]
	if capture.stdin.name() != "" {
		f, err := capture.stdin.open()
		if err != nil {
			return nil, err
		}
		files = append(files, f)
		c.Stdin = f
	}
	return start(c)
}

// captureOf returns the capture for runc's arguments: runc … create … --bundle
// BUNDLE ….
func (o *outlets) captureOf(args []string) *capture {
	i := slices.Index(args, "--bundle")
	if i < 0 || i+1 == len(args) || !slices.Contains(args[:i], "create") {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.captures[args[i+1]]
}

// execOf returns the files for runc's arguments: runc … exec … --pid-file ID.pid ….
func (o *outlets) execOf(args []string) (execFiles, bool) {
	i := slices.Index(args, "--pid-file")
	if i < 0 || i+1 == len(args) || !slices.Contains(args[:i], "exec") {
		return execFiles{}, false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	f, ok := o.execs[strings.TrimSuffix(filepath.Base(args[i+1]), ".pid")]
	return f, ok
}

// give makes the files those of the command.
func (f execFiles) give(c *exec.Cmd) {
	if f.in != nil {
		c.Stdin = f.in
	}
	c.Stdout, c.Stderr = f.out, f.err
}
