package cmd

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/internal/near"
	"github.com/gocompose/gocompose/project"
)

// upMode are the flags that say what becomes of up when everything is started:
// whether it goes on in the foreground, and how.
type upMode struct {
	detach, wait                bool
	waitSeconds                 int
	attach, noAttach            []string
	attachDependencies          bool
	abortOnExit, abortOnFailure bool
	exitCodeFrom                string
	timestamps                  bool
	noPrefix, noColor           bool
	menu, menuAsked, watch      bool
}

func (m *upMode) add(c *cobra.Command) {
	fs := c.Flags()
	fs.BoolVarP(&m.detach, "detach", "d", false, "Detached mode: Run containers in the background")
	fs.BoolVar(&m.wait, "wait", false, "Wait for services to be running|healthy. Implies detached mode")
	fs.IntVar(&m.waitSeconds, "wait-timeout", 0, "Maximum duration in seconds to wait for the project to be running|healthy")
	fs.StringArrayVar(&m.attach, "attach", nil, "Restrict attaching to the specified services. Incompatible with --attach-dependencies")
	fs.StringArrayVar(&m.noAttach, "no-attach", nil, "Do not attach (stream logs) to the specified services")
	fs.BoolVar(&m.attachDependencies, "attach-dependencies", false, "Automatically attach to log output of dependent services")
	fs.BoolVar(&m.abortOnExit, "abort-on-container-exit", false, "Stops all containers if any container was stopped. Incompatible with -d")
	fs.BoolVar(&m.abortOnFailure, "abort-on-container-failure", false, "Stops all containers if any container exited with failure. Incompatible with -d")
	fs.StringVar(&m.exitCodeFrom, "exit-code-from", "", "Return the exit code of the selected service container. Implies --abort-on-container-exit")
	fs.BoolVarP(&m.watch, "watch", "w", false, "Watch source code and rebuild/refresh containers when files are updated.")
	fs.BoolVar(&m.timestamps, "timestamps", false, "Show timestamps")
	fs.BoolVar(&m.noPrefix, "no-log-prefix", false, "Don't print prefix in logs")
	fs.BoolVar(&m.menu, "menu", false, "Enable interactive shortcuts when running attached. Incompatible with --detach. Can also be enabled by COMPOSE_MENU")
	fs.BoolVar(&m.noColor, "no-color", false, "Produce monochrome output")
}

// complete draws conclusions and refuses what does not go together, in docker
// compose's words where it refuses that too (cmd/compose/up.go).
func (m *upMode) complete(noStart bool) error {
	if m.exitCodeFrom != "" && !m.abortOnFailure {
		m.abortOnExit = true
	}
	watches := m.abortOnExit || m.abortOnFailure || len(m.attach) > 0 || m.attachDependencies || m.watch
	const others = "cannot be combined with --abort-on-container-exit, --abort-on-container-failure, --attach, --attach-dependencies or --watch"
	switch {
	case m.waitSeconds < 0:
		return usage("--wait-timeout must be a non-negative integer")
	case m.abortOnExit && m.abortOnFailure:
		return usage("--abort-on-container-failure cannot be combined with --abort-on-container-exit")
	case m.wait && watches:
		return usage("--wait %s", others)
	case m.detach && m.menuAsked:
		return usage("--detach cannot be combined with --menu")
	case m.detach && watches:
		return usage("--detach %s", others)
	case len(m.attach) > 0 && m.attachDependencies:
		return usage("--attach and --attach-dependencies are incompatible")
	case noStart && (watches || m.wait):
		return usage("--no-start starts nothing that could be waited for or attached to: leave --wait, --attach…, --abort-on… and --watch out")
	case m.waitSeconds > 0 && !m.wait:
		return usage("--wait-timeout needs --wait")
	}
	m.detach = m.detach || m.wait || noStart
	return nil
}

// attachSet returns what p with the services named on the command line is
// attached to.
func (m upMode) attachSet(p *project.Project, named []string) (attachSet, error) {
	set := attachSet{shown: map[string]bool{}, minded: map[string]bool{}, jobs: map[string]bool{}}
	there := map[string]bool{}
	for _, s := range p.Services {
		there[s.Name], set.jobs[s.Name] = true, s.Job
		selected := len(named) == 0 || slices.Contains(named, s.Name)
		if selected {
			set.selected = append(set.selected, s.Name)
		}
		set.shown[s.Name] = (selected || m.attachDependencies) && !s.NoAttach
	}
	if err := m.checkServices(p, there); err != nil {
		return set, err
	}
	if len(m.attach) > 0 {
		clear(set.shown)
	}
	for _, s := range m.attach {
		set.shown[s] = true
	}
	for _, s := range m.noAttach {
		set.shown[s] = false
	}
	if s := m.exitCodeFrom; s != "" && !slices.Contains(set.selected, s) {
		set.selected = append(set.selected, s) // its exit code is wanted
	}
	set.mind(named, m.exitCodeFrom)
	for _, s := range p.Services {
		for _, c := range s.Containers() {
			if set.shown[s.Name] {
				set.names = append(set.names, displayName(c.Name, p.Name))
			}
		}
	}
	return set, nil
}

// running returns p for an up in the foreground: a job whose exit code is asked for
// is run, done or not, and its end is the end of all, as of any other service.
func (m upMode) running(p *project.Project) *project.Project {
	q := *p
	q.Services = slices.Clone(p.Services)
	for i := range q.Services {
		if q.Services[i].Name == m.exitCodeFrom {
			q.Services[i].Job = false
		}
	}
	return &q
}

// checkServices refuses services in flags that are not there: in "--attach" and
// "--exit-code-from" those that are not brought up, in "--no-attach" those that
// the files do not define.
func (m upMode) checkServices(p *project.Project, there map[string]bool) error {
	var unknown []string
	for _, s := range m.attach {
		if !there[s] {
			unknown = append(unknown, s)
		}
	}
	if len(unknown) > 0 {
		return fmt.Errorf("cannot attach to services not included in up: %s", strings.Join(unknown, ", "))
	}
	for _, s := range m.noAttach {
		if !slices.Contains(p.Known, s) {
			return fmt.Errorf("--no-attach: no such service: %s%s", s, near.Question(s, p.Known))
		}
	}
	if s := m.exitCodeFrom; s != "" && !there[s] {
		return fmt.Errorf("--exit-code-from: no such service included in up: %s%s", s, near.Question(s, slices.Sorted(maps.Keys(there))))
	}
	return nil
}

// options are those of an attachment that begins now.
func (s attachSet) options(project string) attachOptions {
	return attachOptions{
		project: project, shows: s.shows, minds: s.minds, ends: true, began: time.Now(),
		names: s.names, banner: s.banner(),
	}
}

// mind decides whose ends count. As with docker compose these are the services
// named on the command line, else those attached to; where there are none
// either, all that are selected.
func (s *attachSet) mind(named []string, exitCodeFrom string) {
	for name, shown := range s.shown {
		if shown && len(named) == 0 {
			s.minded[name] = true
		}
	}
	for _, name := range named {
		s.minded[name] = true
	}
	if len(s.minded) == 0 {
		for _, name := range s.selected {
			s.minded[name] = true
		}
	}
	if exitCodeFrom != "" {
		s.minded[exitCodeFrom] = true
	}
}

// abort returns the one of the ends so far with which all is to end; nil: there
// is none. That of a job which has succeeded is none.
func (m upMode) abort(ends []end, jobs map[string]bool) *end {
	for _, e := range ends {
		goal := e.code == 0 && jobs[e.service]
		if m.abortOnExit && !goal || m.abortOnFailure && e.code != 0 {
			return &e
		}
	}
	return nil
}

// code returns the exit code of an abort when all have ended.
func (m upMode) code(code int, ends []end) int {
	for _, e := range ends {
		if e.service == m.exitCodeFrom {
			return e.code
		}
	}
	return code
}

// upDetached is up that ends when everything is started, or as --wait asks.
func (a *app) upDetached(ctx context.Context, f upFlags, m upMode, services []string) error {
	f.wait = m.wait
	c, err := f.change(services)
	if err != nil {
		return err
	}
	c.patience = time.Duration(m.waitSeconds) * time.Second
	return a.change(ctx, c)
}
