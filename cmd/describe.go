package cmd

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/gocompose/gocompose/containerd/spec"
	"github.com/gocompose/gocompose/host"
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

// maxCommand is how much of a command docker compose shows, in characters.
const maxCommand = 20

func describe(i host.Info, whole bool) description { return describeAt(i, whole, time.Now()) }

func describeAt(i host.Info, whole bool, now time.Time) description {
	d := description{
		Command:    strconv.Quote(truncate(commandText(i.Command), maxCommand, whole)),
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
		RunningFor: agoAt(i.CreatedAt, now),
		Service:    i.Spec.Service,
		Size:       "0B",
		State:      string(i.State),
		Status:     status(i, now),
		labels:     i.Labels,
	}
	var nets []string
	for _, n := range i.Spec.Networks {
		nets = append(nets, n.Network)
	}
	d.Networks = strings.Join(nets, ",")
	d.Mounts, d.LocalVolumes = mountsText(i, whole)
	return d
}

// maxMount is how much of a mount's name or path docker shows, in characters.
const maxMount = 15

// mountsText returns what is mounted, by volumes' names and paths of the host, and
// how many of it are volumes.
func mountsText(i host.Info, whole bool) (names, count string) {
	mounts, err := inspectMounts(i, places{volume: func(string) (string, error) { return "", nil }})
	if err != nil { // it cannot be: no path was asked for
		return "", "0"
	}
	var all []string
	volumes := 0
	for _, m := range mounts {
		if m.Type == project.MountVolume {
			volumes++
		}
		if name := cmp.Or(m.Name, m.Source); name != "" {
			all = append(all, truncate(name, maxMount, whole))
		}
	}
	return strings.Join(all, ","), strconv.Itoa(volumes)
}

func agoAt(t, now time.Time) string {
	if t.IsZero() || t.Unix() <= 0 {
		return notAvailable
	}
	return units.HumanDuration(now.Sub(t)) + " ago"
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

// truncate returns s, or as much of it as fits, with an ellipsis.
func truncate(s string, size int, whole bool) string {
	if r := []rune(s); !whole && len(r) > size {
		return string(r[:size-1]) + "…"
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
