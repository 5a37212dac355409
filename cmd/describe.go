package cmd

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/gocompose/gocompose/containerd/spec"
	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor/health"
)

// description is a container as docker compose's `ps --format json` has it.
type description struct {
	Command      string
	CreatedAt    string
	ExitCode     int
	Health       string
	ID           string
	Image        string
	Labels       string
	LocalVolumes string
	Mounts       string
	Name         string
	Names        string
	Networks     string
	Ports        string
	Project      string
	Publishers   []publisher
	RunningFor   string
	Service      string
	Size         string
	State        string
	Status       string

	labels map[string]string
}

type publisher struct {
	URL           string
	TargetPort    uint16
	PublishedPort uint16
	Protocol      string
}

// maxCommand is how much of a command docker compose shows, in characters.
const maxCommand = 20

func describe(i host.Info, whole bool) description {
	d := description{
		Command:    strconv.Quote(truncate(commandText(i.Command), whole)),
		CreatedAt:  i.CreatedAt.Local().Format("2006-01-02 15:04:05 -0700 MST"),
		ExitCode:   i.ExitCode,
		Health:     string(healthOf(i)),
		ID:         i.ID,
		Image:      planner.ShortImage(i.Spec.Image),
		Labels:     join(i.Labels),
		Name:       i.Name,
		Names:      i.Name,
		Ports:      portsText(i),
		Project:    i.Spec.Project,
		Publishers: publishers(i),
		RunningFor: ago(i.CreatedAt),
		Service:    i.Spec.Service,
		Size:       "0B",
		State:      string(i.State),
		Status:     status(i, time.Now()),
		labels:     i.Labels,
	}
	var nets, mounts []string
	volumes := 0
	for _, n := range i.Spec.Networks {
		nets = append(nets, n.Network)
	}
	for _, m := range i.Spec.Mounts {
		if m.Type == project.MountVolume {
			volumes++
		}
		if m.Source != "" {
			mounts = append(mounts, m.Source)
		}
	}
	d.LocalVolumes = fmt.Sprint(volumes)
	d.Networks, d.Mounts = strings.Join(nets, ","), strings.Join(mounts, ",")
	return d
}

// Label returns the value of one label, for templates.
func (d description) Label(name string) string { return d.labels[name] }

// commandText is how Docker shows a command: without the init program that was
// put before it, and arguments with spaces in quotes.
func commandText(args []string) string {
	if len(args) > 2 && args[0] == spec.InitPath && args[1] == "--" {
		args = args[2:]
	}
	out := make([]string, len(args))
	for i, arg := range args {
		if out[i] = arg; i > 0 && strings.Contains(arg, " ") {
			out[i] = "'" + arg + "'"
		}
	}
	return strings.Join(out, " ")
}

func truncate(s string, whole bool) string {
	if r := []rune(s); !whole && len(r) > maxCommand {
		return string(r[:maxCommand-1]) + "…"
	}
	return s
}

func join(labels map[string]string) string {
	var out []string
	for k, v := range labels {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}

// status is Docker's words for a container's state.
func status(i host.Info, now time.Time) string {
	up := "Up " + units.HumanDuration(now.Sub(i.StartedAt))
	switch i.State {
	case planner.StateRunning:
		switch h := healthOf(i); h {
		case "":
			return up
		case health.Starting:
			return up + " (health: starting)"
		default:
			return fmt.Sprintf("%s (%s)", up, h)
		}
	case planner.StatePaused:
		return up + " (Paused)"
	case planner.StateRestarting:
		return ended("Restarting", i, now)
	case planner.StateExited:
		return ended("Exited", i, now)
	default:
		return "Created"
	}
}

// ended is what is said of a process that has gone. When it went is not always
// known: nobody was there in a power cut.
func ended(word string, i host.Info, now time.Time) string {
	text := fmt.Sprintf("%s (%d)", word, i.ExitCode)
	if !i.ExitedAt.IsZero() {
		text += " " + units.HumanDuration(now.Sub(i.ExitedAt)) + " ago"
	}
	return text
}

// healthOf is empty for a container that is not checked, or has no process that
// could be healthy.
func healthOf(i host.Info) health.Status {
	if i.Health == nil || !hasProcess(i) {
		return ""
	}
	return i.Health.Status
}

// hasProcess tells whether there is one now; to a container that is restarting
// one will come.
func hasProcess(i host.Info) bool {
	return i.State == planner.StateRunning || i.State == planner.StatePaused
}

func publishers(i host.Info) []publisher {
	out := []publisher{}
	for _, p := range i.Ports {
		for _, url := range hostAddresses(p) {
			out = append(out, publisher{url, p.Target, p.HostPort, p.Protocol})
		}
	}
	return out
}

func hostAddresses(p endpoint.Port) []string {
	if p.HostIP == "" {
		return []string{"0.0.0.0", "::"}
	}
	return []string{p.HostIP}
}

func portsText(i host.Info) string {
	var out []string
	for _, p := range i.Ports {
		for _, addr := range hostAddresses(p) {
			if strings.Contains(addr, ":") {
				addr = "[" + addr + "]"
			}
			out = append(out, fmt.Sprintf("%s:%d->%d/%s", addr, p.HostPort, p.Target, p.Protocol))
		}
	}
	published := func(target string) bool {
		return slices.ContainsFunc(i.Ports, func(p endpoint.Port) bool {
			return fmt.Sprintf("%d/%s", p.Target, p.Protocol) == target
		})
	}
	for _, e := range i.Spec.Expose {
		if hasProcess(i) && !published(e) {
			out = append(out, e)
		}
	}
	return strings.Join(out, ", ")
}
