package cmd

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/internal/cgroup"
	"github.com/gocompose/gocompose/internal/systemd"
	"github.com/gocompose/gocompose/view"
)

// systemStatus is what `system status --format json` prints. Fields may be added;
// when one changes or goes, Version does.
type systemStatus struct {
	Version    int              `json:"version"` // of this shape: 1
	Gocompose  string           `json:"gocompose"`
	Engine     engineStatus     `json:"engine"`
	Supervisor supervisorStatus `json:"supervisor"`
	Builder    builderStatus    `json:"builder"`
	Programs   []programStatus  `json:"programs"`
	Root       string           `json:"root"`
	State      string           `json:"state"`
	Unit       unitStatus       `json:"unit"`
	Cgroups    int              `json:"cgroups"` // the version, 1 or 2
	DiskBytes  diskStatus       `json:"diskBytes"`
	// Projects are null while the engine does not run.
	Projects []projectStatus `json:"projects"`
}

type engineStatus struct {
	Running bool   `json:"running"`
	Private bool   `json:"private"`
	Address string `json:"address"`
	Version string `json:"version,omitempty"`
	Pid     int    `json:"pid,omitempty"`
}

type supervisorStatus struct {
	Running    bool      `json:"running"`
	Version    string    `json:"version,omitempty"`
	Pid        int       `json:"pid,omitempty"`
	Since      time.Time `json:"since,omitzero"`
	Containers int       `json:"containers"`
	Problems   []string  `json:"problems,omitempty"`
}

type builderStatus struct {
	Running bool `json:"running"`
	Pid     int  `json:"pid,omitempty"`
}

type programStatus struct {
	Name    string `json:"name"`
	Path    string `json:"path,omitempty"`    // none: it is not found
	Version string `json:"version,omitempty"` // none: it does not say
}

type unitStatus struct {
	File      string `json:"file"`
	Installed bool   `json:"installed"`
	Enabled   bool   `json:"enabled"`
}

// diskStatus is in allocated bytes. Images and snapshots are null when another
// engine keeps them.
type diskStatus struct {
	Images    *int64 `json:"images"`
	Snapshots *int64 `json:"snapshots"`
	Volumes   int64  `json:"volumes"`
	Logs      int64  `json:"logs"`
	Other     int64  `json:"other"`
	Total     int64  `json:"total"`
}

type projectStatus struct {
	Name string `json:"name"`
	// Containers counts them by state.
	Containers map[string]int `json:"containers"`
}

func (a *app) systemStatusCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:     "status [OPTIONS]",
		Short:   "Show the engine, the supervisor, the builder, versions, folders and disk use",
		Long:    "Shows what there is of gocompose on this machine. Nothing is started for it.",
		Example: "gocompose system status --format json",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if format != "table" && format != "json" {
				return usage("unknown format %q: table or json", format)
			}
			cfg, err := a.hostConfig()
			if err != nil {
				return err
			}
			found, err := host.Look(c.Context(), cfg)
			if err != nil {
				return err
			}
			s := describeSystem(cfg, found)
			if err := s.Unit.look(serviceManager(c)); err != nil {
				return err
			}
			if format == "json" {
				enc := json.NewEncoder(a.Out)
				enc.SetEscapeHTML(false)
				enc.SetIndent("", "  ")
				return enc.Encode(s)
			}
			return s.write(a.Out)
		},
	}
	c.Flags().StringVar(&format, "format", "table", "Format the output. Values: [table | json]")
	return c
}

func describeSystem(cfg host.Config, found host.System) systemStatus {
	s := systemStatus{
		Version:   1,
		Gocompose: cfg.Version,
		Engine:    engineStatus(found.Engine),
		Builder:   builderStatus(found.Builder),
		Root:      cfg.Paths.Root,
		State:     cfg.Paths.State,
		Cgroups:   1,
		DiskBytes: diskStatus{
			Volumes: found.Disk.Volumes, Logs: found.Disk.Logs, Other: found.Disk.Other, Total: found.Disk.Total(),
		},
	}
	if cgroup.Unified() {
		s.Cgroups = 2
	}
	if found.Engine.Private {
		s.DiskBytes.Images, s.DiskBytes.Snapshots = &found.Disk.Images, &found.Disk.Snapshots
	}
	for _, p := range found.Programs {
		s.Programs = append(s.Programs, programStatus(p))
	}
	if v := found.Supervisor; v != nil {
		s.Supervisor = supervisorStatus{
			Running: true, Version: v.Version, Pid: v.Pid, Since: v.Since, Containers: v.Containers, Problems: v.Problems,
		}
	}
	if found.Engine.Running {
		s.Projects = projectsOf(found.Containers)
	}
	return s
}

func (u *unitStatus) look(m systemd.Manager) (err error) {
	u.File = m.UnitFile()
	if u.Installed, err = m.Installed(); err != nil {
		return err
	}
	u.Enabled, err = m.Enabled()
	return err
}

// projectsOf counts containers, by the names of their projects.
func projectsOf(containers []host.Info) []projectStatus {
	list := []projectStatus{}
	for _, c := range containers {
		i := slices.IndexFunc(list, func(p projectStatus) bool { return p.Name == c.Spec.Project })
		if i < 0 {
			i = len(list)
			list = append(list, projectStatus{c.Spec.Project, map[string]int{}})
		}
		list[i].Containers[string(c.State)]++
	}
	slices.SortFunc(list, func(x, y projectStatus) int { return cmp.Compare(x.Name, y.Name) })
	return list
}

// write writes s for people.
func (s systemStatus) write(w io.Writer) error {
	t := view.NewTable("WHAT", "STATUS", "DETAILS")
	t.Row("gocompose", s.Gocompose, "")
	t.Row("engine", runningText(s.Engine.Running), s.Engine.details())
	t.Row("supervisor", runningText(s.Supervisor.Running), s.Supervisor.details())
	for _, problem := range s.Supervisor.Problems {
		t.Row("", "problem", problem)
	}
	t.Row("builder", runningText(s.Builder.Running), s.Builder.details())
	for _, p := range s.Programs {
		t.Row(p.Name, cmp.Or(p.Version, "unknown version"), cmp.Or(p.Path, "not found"))
	}
	t.Row("systemd unit", s.Unit.String(), s.Unit.File)
	t.Row("cgroups", fmt.Sprintf("version %d", s.Cgroups), "")
	t.Row("root folder", bytesText(&s.DiskBytes.Total), s.Root)
	t.Row("  images", bytesText(s.DiskBytes.Images), "as they were fetched, compressed")
	t.Row("  snapshots", bytesText(s.DiskBytes.Snapshots), "images unpacked, and what containers wrote")
	t.Row("  volumes", bytesText(&s.DiskBytes.Volumes), "")
	t.Row("  logs", bytesText(&s.DiskBytes.Logs), "")
	t.Row("  other", bytesText(&s.DiskBytes.Other), "")
	t.Row("state folder", "", s.State)
	if s.Projects == nil {
		t.Row("projects", "unknown", "the engine, which knows them, does not run")
	}
	for _, p := range s.Projects {
		t.Row("project", p.Name, p.states())
	}
	return t.Write(w)
}

func (e engineStatus) details() string {
	if !e.Running {
		return e.Address
	}
	return fmt.Sprintf("containerd %s%s at %s", e.Version, processText(e.Pid), e.Address)
}

func (s supervisorStatus) details() string {
	if !s.Running {
		return ""
	}
	return fmt.Sprintf("%s%s since %s, with %d containers",
		cmp.Or(s.Version, "unknown version"), processText(s.Pid), s.Since.Local().Format(time.DateTime), s.Containers)
}

func (s builderStatus) details() string {
	if !s.Running {
		return ""
	}
	return fmt.Sprintf("buildkitd, process %d", s.Pid)
}

func runningText(running bool) string {
	if running {
		return "running"
	}
	return "not running"
}

func processText(pid int) string {
	if pid == 0 {
		return ""
	}
	return fmt.Sprintf(", process %d,", pid)
}

// String is the status in a word or two.
func (u unitStatus) String() string {
	switch {
	case !u.Installed:
		return "not installed"
	case !u.Enabled:
		return "installed, not enabled"
	default:
		return "enabled"
	}
}

func bytesText(n *int64) string {
	if n == nil {
		return "unknown"
	}
	return units.HumanSizeWithPrecision(float64(*n), 3)
}

func (p projectStatus) states() string {
	var parts []string
	for _, state := range slices.Sorted(maps.Keys(p.Containers)) {
		parts = append(parts, fmt.Sprintf("%d %s", p.Containers[state], state))
	}
	return strings.Join(parts, ", ")
}
