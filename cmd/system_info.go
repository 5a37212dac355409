package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/internal/cgroup"
	"github.com/gocompose/gocompose/planner"
)

func (a *app) systemInfoCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "info [OPTIONS]",
		Short: "Display system-wide information",
		Long: "Shows versions, folders, runtimes and counts, of gocompose and of the machine; the fields that docker's info has too have\n" +
			"its names. What takes space shows `gocompose system df`, and what runs of gocompose itself `gocompose system status`.",
		Example: "gocompose system info\n" +
			"gocompose system info --format '{{.CgroupVersion}} {{.NCPU}}'",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.systemInfo(c.Context(), format) },
	}
	c.Flags().StringVarP(&format, "format", "f", "", "Format the output: json, or a Go template")
	return c
}

// systemInformation has docker's names for what docker has too.
type systemInformation struct {
	Name              string // of the machine
	ServerVersion     string // of gocompose
	ContainerdVersion string
	ContainerdAddress string
	RuncVersion       string
	BuildkitVersion   string
	Root, State       string // the folders
	Driver            string // the snapshotter
	DefaultRuntime    string
	Runtimes          []string
	CgroupDriver      string
	CgroupVersion     string // "1" or "2"
	Projects          int
	Containers        int
	ContainersRunning int
	ContainersPaused  int
	ContainersStopped int
	Images            int
	KernelVersion     string
	OperatingSystem   string
	OSType            string
	Architecture      string
	NCPU              int
	MemTotal          int64 // bytes
}

func (a *app) systemInfo(ctx context.Context, format string) error {
	var r rows
	var err error
	if format != "" && format != "json" {
		if r, err = inspectionRows(format); err != nil {
			return err
		}
	}
	cfg, err := a.hostConfig()
	if err != nil {
		return err
	}
	info, err := lookAtMachine(cfg)
	if err != nil {
		return err
	}
	if err := info.lookAtEngine(ctx, a, cfg); err != nil {
		return err
	}
	switch format {
	case "":
		return info.write(a.Out)
	case "json":
		enc := json.NewEncoder(a.Out)
		enc.SetEscapeHTML(false)
		return enc.Encode(info)
	}
	return resourceLine(a.Out, r, info)
}

// lookAtMachine returns what can be told without an engine.
func lookAtMachine(cfg host.Config) (systemInformation, error) {
	s := systemInformation{
		ServerVersion: cfg.Version, Root: cfg.Paths.Root, State: cfg.Paths.State, CgroupDriver: "cgroupfs", CgroupVersion: "1",
		OSType: runtime.GOOS, NCPU: runtime.NumCPU(), DefaultRuntime: "runc", Runtimes: []string{"runc"},
	}
	if cgroup.Unified() {
		s.CgroupVersion = "2"
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return s, fmt.Errorf("asking the kernel for its version: %w", err)
	}
	s.Name, s.KernelVersion, s.Architecture = text(name.Nodename), text(name.Release), text(name.Machine)
	var memory unix.Sysinfo_t
	if err := unix.Sysinfo(&memory); err != nil {
		return s, fmt.Errorf("asking the kernel for its memory: %w", err)
	}
	s.MemTotal = int64(uint64(memory.Totalram) * uint64(memory.Unit)) // Totalram is 32 bits wide on some
	s.OperatingSystem = prettyName("/etc/os-release")
	return s, nil
}

func text(field [65]byte) string { return unix.ByteSliceToString(field[:]) }

// prettyName is what a system calls itself (os-release(5)), or "Linux".
func prettyName(file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return "Linux"
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "PRETTY_NAME="); ok {
			return strings.Trim(value, `"'`)
		}
	}
	return "Linux"
}

// lookAtEngine fills in what the engine knows. Where none ever ran that is nothing.
func (s *systemInformation) lookAtEngine(ctx context.Context, a *app, cfg host.Config) error {
	programs, err := host.Programs(ctx, cfg)
	if err != nil {
		return err
	}
	for _, p := range programs {
		switch p.Name {
		case "runc":
			s.RuncVersion = p.Version
		case "containerd":
			s.ContainerdVersion = p.Version
		case "buildkitd":
			s.BuildkitVersion = p.Version
		}
	}
	h, err := a.openExisting(ctx)
	if h == nil || err != nil {
		return err
	}
	defer h.Close()
	e, err := h.Engine(ctx)
	if err != nil {
		return err
	}
	s.ContainerdVersion, s.ContainerdAddress, s.Driver = e.Version, e.Address, e.Snapshotter
	list, err := h.ListImages(ctx)
	if err != nil {
		return err
	}
	ids := map[string]bool{}
	for _, i := range list {
		ids[i.ID] = true
	}
	s.Images = len(ids)
	containers, err := h.Containers(ctx, "")
	s.count(containers)
	return err
}

// count counts as docker does: what restarts runs.
func (s *systemInformation) count(containers []host.Info) {
	projects := map[string]bool{}
	for _, c := range containers {
		projects[c.Spec.Project] = true
		switch {
		case c.State == planner.StatePaused:
			s.ContainersPaused++
		case c.Running():
			s.ContainersRunning++
		default:
			s.ContainersStopped++
		}
	}
	s.Containers, s.Projects = len(containers), len(projects)
}

func (s systemInformation) write(w io.Writer) error {
	var b strings.Builder
	line := func(indent int, name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s%s: %s\n", strings.Repeat(" ", indent), name, value)
		}
	}
	line(0, "Projects", strconv.Itoa(s.Projects))
	line(0, "Containers", strconv.Itoa(s.Containers))
	line(1, "Running", strconv.Itoa(s.ContainersRunning))
	line(1, "Paused", strconv.Itoa(s.ContainersPaused))
	line(1, "Stopped", strconv.Itoa(s.ContainersStopped))
	line(0, "Images", strconv.Itoa(s.Images))
	line(0, "Server Version", s.ServerVersion)
	line(0, "Storage Driver", s.Driver)
	line(0, "Cgroup Driver", s.CgroupDriver)
	line(0, "Cgroup Version", s.CgroupVersion)
	line(0, "Runtimes", strings.Join(s.Runtimes, " "))
	line(0, "Default Runtime", s.DefaultRuntime)
	line(0, "containerd version", s.ContainerdVersion)
	line(0, "containerd address", s.ContainerdAddress)
	line(0, "runc version", s.RuncVersion)
	line(0, "buildkit version", s.BuildkitVersion)
	line(0, "Kernel Version", s.KernelVersion)
	line(0, "Operating System", s.OperatingSystem)
	line(0, "OSType", s.OSType)
	line(0, "Architecture", s.Architecture)
	line(0, "CPUs", strconv.Itoa(s.NCPU))
	line(0, "Total Memory", units.BytesSize(float64(s.MemTotal)))
	line(0, "Name", s.Name)
	line(0, "Root Dir", s.Root)
	line(0, "State Dir", s.State)
	_, err := io.WriteString(w, b.String())
	return err
}
