package containerd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/containerd/typeurl/v2"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/gocompose/gocompose/containerd/cdi"
	"github.com/gocompose/gocompose/containerd/spec"
	"github.com/gocompose/gocompose/internal/cgroup"
	"github.com/gocompose/gocompose/project"
)

// bareType names the extension with the specification of a container as it is
// before it gets devices; containers without any have none.
const bareType = "gocompose.dev/Bare"

// withDevices returns the specification as containerd stores it, with the
// devices that the host has now, and what to make it of again: devices get other
// numbers when the host is booted, and drivers are updated.
func withDevices(s *specs.Spec, c project.Container) (full, bare typeurl.Any, err error) {
	if c.Privileged || len(c.Devices.Nodes)+len(c.Devices.CDI)+len(c.Devices.Requests) > 0 {
		b, err := json.Marshal(s)
		if err != nil {
			return nil, nil, fmt.Errorf("writing its specification: %w", err)
		}
		bare = &anypb.Any{TypeUrl: bareType, Value: b}
		if err := giveDevices(s, c); err != nil {
			return nil, nil, err
		}
	}
	full, err = typeurl.MarshalAny(s)
	if err != nil {
		return nil, nil, fmt.Errorf("writing its specification: %w", err)
	}
	return full, bare, nil
}

func giveDevices(s *specs.Spec, c project.Container) (err error) {
	var all []specs.LinuxDevice
	if c.Privileged {
		if all, err = oci.HostDevices(); err != nil {
			return fmt.Errorf("listing the host's devices: %w", err)
		}
	}
	asked, err := deviceNodes(c.Devices.Nodes)
	if err != nil {
		return err
	}
	spec.AddDevices(s, c, all, asked)
	return cdi.Inject(s, c.Devices, cdi.Dirs())
}

// renew makes ready what changes while a container does not run: its devices,
// and the cgroup that its own comes to be in. Errors are *StartError.
func (c *Client) renew(ctx context.Context, id string) error {
	stored, err := c.raw.ContainerService().Get(ctx, id)
	if err != nil {
		return err
	}
	record, err := recordOf(stored)
	if errors.Is(err, errNoRecord) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := shareRealtime(stored, record.Spec.Resources); err != nil {
		return &StartError{unknownFailure, "cpu_rt_runtime: " + err.Error()}
	}
	bare, ok := stored.Extensions[bareType]
	if !ok {
		return nil
	}
	var s specs.Spec
	if err := json.Unmarshal(bare.GetValue(), &s); err != nil {
		return fmt.Errorf("reading its specification: %w", err)
	}
	full, _, err := withDevices(&s, record.Spec)
	if err != nil {
		return &StartError{unknownFailure, err.Error()}
	}
	stored.Spec = full
	_, err = c.raw.ContainerService().Update(ctx, stored, "spec")
	return err
}

func shareRealtime(c containers.Container, r project.Resources) error {
	if r.RealtimeRuntime == 0 {
		return nil
	}
	var s specs.Spec
	if err := json.Unmarshal(c.Spec.GetValue(), &s); err != nil {
		return err
	}
	return cgroup.ShareRealtime(path.Dir(s.Linux.CgroupsPath), r.RealtimeRuntime, r.RealtimePeriod)
}

// DeviceFolders are where vendors describe their devices, for another program that
// looks for them.
func DeviceFolders() []string { return cdi.Dirs() }
