// Package containerd is the adapter to containerd: with its sub-packages the
// only importer of containerd's client.
//
// It calls the services that every containerd since 1.6 serves, and none of
// those that came later (sandboxes, transfer, streaming, mounts).
package containerd

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/pkg/identifiers"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/errdefs"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// Config says which containerd to talk to, and how containers are run by it.
type Config struct {
	// Address is the path of containerd's gRPC socket. Required.
	Address string
	// Namespace is containerd's namespace of everything we make; empty means
	// DefaultNamespace.
	Namespace string
	// Snapshotter keeps the file systems of images and containers; empty means
	// DefaultSnapshotter.
	Snapshotter string
	// Runtime is containerd's name of the runtime, or the absolute path of a
	// shim; empty means DefaultRuntime.
	Runtime string
	// Runc is the path of the runc that the shim runs; empty means the first
	// in containerd's PATH.
	Runc string
	// RuncRoot is runc's state folder (its --root); empty means the shim's
	// default, which all containerds of a host share.
	RuncRoot string
	// CgroupParent is the cgroup below which containers live, from the root of
	// each hierarchy: "/gocompose".
	CgroupParent string
	// Version of gocompose, for the label that other tools read.
	Version string
}

// What an empty field of Config means.
const (
	DefaultNamespace   = "gocompose"
	DefaultSnapshotter = "overlayfs"
	DefaultRuntime     = "io.containerd.gocompose.v1"
)

// ErrUnreachable: nothing answers at the address, or it may not be used.
var ErrUnreachable = errors.New("containerd does not answer")

// leaseTime is how long what a run made outlives a run that was killed. It is
// containerd's own default, a day: an hour would be less than a large image
// takes on a slow line.
const leaseTime = 24 * time.Hour

// ProjectLabel is on the leases of runs for a project: its name.
const ProjectLabel = "io.gocompose.project"

// LockLabel is on leases of commands that hold a lock as long as they go on: its path.
// Who finds it free knows that the command was killed.
const LockLabel = "io.gocompose.lock"

// Client is a connection to one containerd. It can be used from any goroutine.
type Client struct {
	cfg      Config
	raw      *containerd.Client
	appArmor appArmor
}

// Connect returns a client of the containerd at cfg.Address. It sees that
// something accepts connections there and asks nothing. Errors are
// ErrUnreachable, or cfg is wrong.
func Connect(ctx context.Context, cfg Config) (*Client, error) {
	cfg = cfg.withDefaults()
	if cfg.Address == "" {
		return nil, errors.New("connecting to containerd: no address given")
	}
	if err := identifiers.Validate(cfg.Namespace); err != nil {
		return nil, fmt.Errorf("connecting to containerd at %s: %w", cfg.Address, err)
	}
	if err := dial(ctx, cfg.Address); err != nil {
		return nil, err
	}
	raw, err := containerd.New(cfg.Address,
		containerd.WithDefaultNamespace(cfg.Namespace),
		containerd.WithExtraDialOpts([]grpc.DialOption{grpc.WithConnectParams(reconnect())}))
	if err != nil {
		return nil, fmt.Errorf("connecting to containerd at %s: %w", cfg.Address, err)
	}
	return &Client{cfg, raw, hostAppArmor()}, nil
}

// reconnect finds a containerd that was started again within tens of
// milliseconds. gRPC's defaults wait a second before the first retry.
func reconnect() grpc.ConnectParams {
	return grpc.ConnectParams{
		Backoff: backoff.Config{
			BaseDelay:  20 * time.Millisecond,
			Multiplier: 1.6, Jitter: 0.2,
			MaxDelay: time.Second,
		},
		MinConnectTimeout: 5 * time.Second,
	}
}

func (c Config) withDefaults() Config {
	c.Address = strings.TrimPrefix(c.Address, "unix://")
	if c.Namespace == "" {
		c.Namespace = DefaultNamespace
	}
	if c.Snapshotter == "" {
		c.Snapshotter = DefaultSnapshotter
	}
	if c.Runtime == "" {
		c.Runtime = DefaultRuntime
	}
	return c
}

// dial tells in words why the socket at address cannot be used. The path of a
// socket is there before its server accepts, and after it died.
func dial(ctx context.Context, address string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", address)
	if err == nil {
		return conn.Close()
	}
	if ctx.Err() != nil {
		return fmt.Errorf("connecting to containerd at %s: %w", address, ctx.Err())
	}
	next := "check the address"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		next = "no such socket: start containerd, or give another address with --address or CONTAINERD_ADDRESS"
	case errors.Is(err, fs.ErrPermission):
		next = "permission denied: run as root"
	case errors.Is(err, syscall.ECONNREFUSED):
		next = "the socket is there but nobody listens: start containerd again"
	case errors.Is(err, syscall.EINVAL):
		next = "the path is too long for a socket (at most 107 bytes)"
	default:
		next = err.Error() + ": " + next
	}
	return fmt.Errorf("connecting to containerd at %s: %w: %s", address, ErrUnreachable, next)
}

// Close ends the connection.
func (c *Client) Close() error { return c.raw.Close() }

// Config returns what the client was made with, defaults filled in.
func (c *Client) Config() Config { return c.cfg }

// Raw returns containerd's own client, for the packages below this one.
func (c *Client) Raw() *containerd.Client { return c.raw }

// Lease keeps what is made under the returned context from containerd's
// garbage collector: one lease for a whole run of a project, or of a command that
// is about none (""). The returned function ends it; what the run made is by then
// held by images and containers, or is garbage. It wants a context that has not
// ended.
//
// The lease of a run that was killed ends by itself after a day; TakeOver and EndLease
// end it at once. A lock, if not empty, becomes its LockLabel.
func (c *Client) Lease(ctx context.Context, project, lock string) (context.Context, func(context.Context) error, error) {
	var nonce [8]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return nil, nil, fmt.Errorf("making a lease: %w", err)
	}
	options := []leases.Opt{
		leases.WithID("gocompose-" + project + "-" + hex.EncodeToString(nonce[:])),
		leases.WithExpiration(leaseTime),
	}
	if project != "" {
		options = append(options, leases.WithLabel(ProjectLabel, project))
	}
	if lock != "" {
		options = append(options, leases.WithLabel(LockLabel, lock))
	}
	leased, end, err := c.raw.WithLease(namespaces.WithNamespace(ctx, c.cfg.Namespace), options...)
	if err != nil {
		return nil, nil, fmt.Errorf("making a lease: %w", err)
	}
	return leased, func(ctx context.Context) error {
		if err := end(namespaces.WithNamespace(ctx, c.cfg.Namespace)); err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("ending a lease: %w", err)
		}
		return nil
	}, nil
}

// TakeOver ends the leases that runs of project have left that were killed, or could not
// fetch all that they were to, and has the lease in ctx keep what they kept: a pull goes on
// where the other one was. The caller holds the project's lock: a lease of a run that goes
// on would end too. Those of no project, which have no lock, are asked for by their
// LockLabel whether they are left.
func (c *Client) TakeOver(ctx context.Context, project string, left func(lock string) (bool, error)) error {
	own, leased := leases.FromContext(ctx)
	if !leased {
		return nil
	}
	manager := c.raw.LeasesService()
	filters := []string{fmt.Sprintf("labels.%q==%q", ProjectLabel, project)}
	if project == "" {
		filters = []string{fmt.Sprintf("labels.%q", LockLabel)}
	}
	all, err := manager.List(ctx, filters...)
	if err != nil {
		return fmt.Errorf("listing leases: %w", err)
	}
	var errs []error
	for _, l := range all {
		if l.ID == own || l.Labels[ProjectLabel] != project {
			continue
		}
		var err error
		mine := project != ""
		if !mine {
			mine, err = left(l.Labels[LockLabel])
		}
		if mine {
			err = takeOver(ctx, manager, l, leases.Lease{ID: own})
		}
		if err != nil && !errdefs.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("taking over lease %s: %w", l.ID, err))
		}
	}
	return errors.Join(errs...)
}

// Keeps tells whether the lease in ctx keeps anything.
func (c *Client) Keeps(ctx context.Context) (bool, error) {
	own, leased := leases.FromContext(ctx)
	if !leased {
		return false, nil
	}
	kept, err := c.raw.LeasesService().ListResources(ctx, leases.Lease{ID: own})
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	return len(kept) > 0, err
}

func takeOver(ctx context.Context, manager leases.Manager, from, to leases.Lease) error {
	kept, err := manager.ListResources(ctx, from)
	if err != nil {
		return err
	}
	for _, r := range kept {
		if err := manager.AddResource(ctx, to, r); err != nil {
			return err
		}
	}
	return manager.Delete(ctx, from)
}

// EndLease ends a lease. What it alone has kept is gone when this returns, and all other
// garbage. For no lease, "", it is the garbage alone.
func (c *Client) EndLease(ctx context.Context, id string) error {
	manager := c.raw.LeasesService()
	l := leases.Lease{ID: id}
	if id == "" {
		var err error
		if l, err = manager.Create(ctx, leases.WithRandomID(), leases.WithExpiration(leaseTime)); err != nil {
			return fmt.Errorf("making a lease: %w", err)
		}
	}
	if err := manager.Delete(ctx, l, leases.SynchronousDelete); err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("ending lease %s: %w", l.ID, err)
	}
	return nil
}

// ID asks containerd what it calls itself. It keeps that name as long as it has its
// root.
func (c *Client) ID(ctx context.Context) (string, error) {
	s, err := c.raw.IntrospectionService().Server(ctx)
	if err != nil {
		return "", fmt.Errorf("asking containerd for its name: %w", err)
	}
	return s.UUID, nil
}
