// Package options is what the shim is told about one container, in the form in
// which it travels: the URI that stands for the task's standard output.
package options

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gocompose/gocompose/logs"
)

// Runtime is the name by which containerd finds the shim, as
// containerd-shim-gocompose-v1 on its PATH or beside its own binary.
const Runtime = "io.containerd.gocompose.v1"

// Probe is containerd's identifier of the program that tests a container, of which
// there is one at a time. No event tells of it.
const Probe = "gocompose-probe"

// Log drivers, under Docker's names.
const (
	JSONFile = "json-file" // lines are kept in Options.Dir (package logs)
	None     = "none"      // what is printed is read and thrown away
)

// Programs that are run in containers with IDs that begin with ExecPrefix are
// looked after by the shim: it takes them away when they have ended. One that has
// FIFOs has the one named AliveFile beside them, which who has started it keeps open
// for writing as long as that one is there. One whose standard output is named
// DetachedFile has only AliveFile, which is open until the engine has answered that it
// is started: who has asked for that leaves it alone then.
const (
	ExecPrefix   = "gocompose-exec-"
	AliveFile    = "alive"
	DetachedFile = "detached"
)

// Options is what the shim needs to know about one container.
type Options struct {
	Dir        string      // required, absolute: where the log and the state go
	Driver     string      // JSONFile or None
	Log        logs.Limits // for JSONFile
	Forward    Forward     // where it goes beside that
	Attach     string      // a unix socket to attach at, absolute; empty: nobody can
	Events     string      // the folder of the journal of events, absolute; empty: nothing is noted
	Supervisor Supervisor
}

// Supervisor is what the shim keeps alive as long as its container's task
// exists. The zero value means that there is none.
type Supervisor struct {
	Socket string // a unix socket; absolute
	// Command starts the supervisor if it is not there: an absolute path and
	// arguments. It may end at once or stay; running it twice must do no harm.
	Command []string
	// Env is added to the shim's own environment, as key=value.
	Env []string
}

const scheme = "gocompose"

// IsURI tells whether a task's standard output is meant for Parse.
func IsURI(s string) bool { return strings.HasPrefix(s, scheme+":") }

// URI returns o in a form that Parse reads. It is given to containerd as the
// standard output, and may be given as the standard error, of the task.
func (o Options) URI() string {
	q := url.Values{"driver": {o.Driver}}
	setNumber(q, "max-size", o.Log.MaxSize)
	setNumber(q, "max-file", int64(o.Log.MaxFiles))
	if text := o.Forward.text(); text != "" {
		q.Set("forward", text)
	}
	if o.Attach != "" {
		q.Set("attach", o.Attach)
	}
	if o.Events != "" {
		q.Set("events", o.Events)
	}
	if o.Supervisor.Socket != "" {
		q.Set("socket", o.Supervisor.Socket)
	}
	for _, c := range o.Supervisor.Command {
		q.Add("command", c)
	}
	for _, e := range o.Supervisor.Env {
		q.Add("env", e)
	}
	return scheme + "://" + (&url.URL{Path: o.Dir}).EscapedPath() + "?" + q.Encode()
}

func setNumber(q url.Values, key string, n int64) {
	if n != 0 {
		q.Set(key, strconv.FormatInt(n, 10))
	}
}

// Parse reads what URI has written.
func Parse(uri string) (Options, error) {
	o, err := parse(uri)
	if err != nil {
		return Options{}, fmt.Errorf("parsing the shim's options: %w", err)
	}
	return o, nil
}

func parse(uri string) (Options, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return Options{}, err
	}
	if u.Scheme != scheme || u.Host != "" || u.Opaque != "" {
		return Options{}, fmt.Errorf("%q does not begin with %s:///", uri, scheme)
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Options{}, err
	}
	size, err := number(q.Get("max-size"), 64)
	if err != nil {
		return Options{}, fmt.Errorf("max-size: %w", err)
	}
	files, err := number(q.Get("max-file"), strconv.IntSize)
	if err != nil {
		return Options{}, fmt.Errorf("max-file: %w", err)
	}
	forward, err := parseForward(q.Get("forward"))
	if err != nil {
		return Options{}, err
	}
	o := Options{
		Dir:     u.Path,
		Driver:  q.Get("driver"),
		Log:     logs.Limits{MaxSize: size, MaxFiles: int(files)},
		Forward: forward,
		Attach:  q.Get("attach"),
		Events:  q.Get("events"),
		Supervisor: Supervisor{
			Socket: q.Get("socket"), Command: q["command"], Env: q["env"],
		},
	}
	return o, o.validate()
}

// number reads a number that is not negative; an empty one is 0.
func number(s string, bits int) (int64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, bits)
	if err == nil && n < 0 {
		err = fmt.Errorf("%d is negative", n)
	}
	return n, err
}

func (o Options) validate() error {
	switch s := o.Supervisor; {
	case !filepath.IsAbs(o.Dir):
		return fmt.Errorf("folder %q is not absolute", o.Dir)
	case o.Attach != "" && !filepath.IsAbs(o.Attach):
		return fmt.Errorf("socket %q is not absolute", o.Attach)
	case o.Driver != JSONFile && o.Driver != None:
		return fmt.Errorf("log driver %q is neither %s nor %s", o.Driver, JSONFile, None)
	case o.Events != "" && !filepath.IsAbs(o.Events):
		return fmt.Errorf("folder %q is not absolute", o.Events)
	case s.Socket == "" && len(s.Command) > 0:
		return errors.New("a supervisor's command but no socket")
	case s.Socket != "" && !filepath.IsAbs(s.Socket):
		return fmt.Errorf("socket %q is not absolute", s.Socket)
	case s.Socket != "" && (len(s.Command) == 0 || !filepath.IsAbs(s.Command[0])):
		return fmt.Errorf("supervisor's command %q does not begin with an absolute path", s.Command)
	}
	return nil
}
