// Package shim is containerd's runc shim with a task service that keeps logs,
// state and the supervisor.
//
// One shim process looks after one container. It reads what the container
// prints and appends it to the container's log itself, so that nothing is lost
// or held up when the CLI, the supervisor or containerd die. It records start
// and exit in the container's folder, and while the container's task exists it
// starts the supervisor again whenever that is gone.
package shim

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2/manager"
	"github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2/task"
	ctrd "github.com/containerd/containerd/v2/pkg/shim"
	"github.com/containerd/containerd/v2/pkg/shutdown"
	"github.com/containerd/containerd/v2/pkg/sys/reaper"
	"github.com/containerd/containerd/v2/plugins"
	runc "github.com/containerd/go-runc"
	"github.com/containerd/plugin"
	"github.com/containerd/plugin/registry"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/shim/options"
)

// maxProcs bounds the threads that run Go code, and with them the memory that
// a shim takes: a host has as many shims as containers.
const maxProcs = 2

// Run is the main function of the shim's binary. It serves one of containerd's
// calls of the binary, as its arguments say, and exits the process on errors.
func Run(ctx context.Context) {
	hearHangups()
	registry.Register(&plugin.Registration{
		Type:     plugins.TTRPCPlugin,
		ID:       "task",
		Requires: []plugin.Type{plugins.EventPlugin, plugins.InternalPlugin},
		InitFn:   initTask,
	})
	shim := cleaner{manager.NewShimManager(options.Runtime)}
	served, err := startForOlder(ctx, shim)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %s\n", options.Runtime, err)
		os.Exit(1)
	}
	if !served {
		ctrd.RunShim(ctx, shim)
	}
}

// listener is the file on which a shim gets the socket that it serves.
const listener = 3

// initTask makes the task service of a shim that serves.
func initTask(ic *plugin.InitContext) (any, error) {
	// In a supervisor that this shim starts it would look, when the shim has
	// died, as if it served.
	unix.CloseOnExec(listener)
	beYoung()
	runtime.GOMAXPROCS(maxProcs) // the start call leaves a larger one in the environment
	publisher, err := ic.GetByID(plugins.EventPlugin, "publisher")
	if err != nil {
		return nil, err
	}
	sd, err := ic.GetByID(plugins.InternalPlugin, "shutdown")
	if err != nil {
		return nil, err
	}
	s := newService(reaper.Default)
	s.TTRPCTaskService, err = task.NewTaskService(ic.Context, settling{publisher.(ctrd.Publisher), s}, sd.(shutdown.Service))
	if err != nil {
		return nil, err
	}
	runc.Monitor = beginner{s.outlets, s.pid}   // the inner service has made it the reaper
	if s.bundle, err = os.Getwd(); err != nil { // containerd starts shims there
		return nil, err
	}
	s.leave = sd.(shutdown.Service).Shutdown
	sd.(shutdown.Service).RegisterCallback(s.close)
	s.watchBundle(ic.Context)
	s.spawn(ic.Context, growUp)
	return s, nil
}
