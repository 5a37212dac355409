package loader

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/interpolation"
	"github.com/compose-spec/compose-go/v2/tree"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

// minProbeTime is the least time that Docker takes for anything of a health
// check (moby, container.MinimumDuration).
const minProbeTime = time.Millisecond

// healthcheck returns what the service itself says; nil when that is nothing.
func (p place) healthcheck(h *types.HealthCheckConfig) *project.Healthcheck {
	if h == nil {
		return nil
	}
	out := project.Healthcheck{
		Test:          p.in("test").test(h.Test),
		Interval:      p.in("interval").probeTime(h.Interval),
		Timeout:       p.in("timeout").probeTime(h.Timeout),
		StartPeriod:   p.in("start_period").probeTime(h.StartPeriod),
		StartInterval: p.in("start_interval").probeTime(h.StartInterval),
		Retries:       p.in("retries").retries(h.Retries),
	}
	if noHealth(h) {
		return &project.Healthcheck{Test: []string{project.TestNone}}
	}
	if h.StartInterval != nil && h.StartPeriod == nil {
		p.in("start_interval").problem("has an effect only within a start_period; set that too")
	}
	if reflect.ValueOf(out).IsZero() {
		return nil
	}
	return &out
}

// noHealth tells whether a service switches its health check off.
func noHealth(h *types.HealthCheckConfig) bool {
	return h != nil && (h.Disable || len(h.Test) > 0 && h.Test[0] == project.TestNone)
}

// test passes on a test that can be carried out. A string is a CMD-SHELL by now.
func (p place) test(words []string) []string {
	if len(words) == 0 {
		return nil
	}
	kind, rest := words[0], words[1:]
	switch {
	case kind == project.TestNone:
		if len(rest) > 0 {
			p.problem("nothing can follow NONE; remove NONE, or the rest")
		}
	case kind != project.TestExec && kind != project.TestShell:
		p.near(kind, badTest)
	case len(rest) == 0 || strings.TrimSpace(rest[0]) == "":
		p.problem("has no command after %s", kind)
	case kind == project.TestShell && len(rest) > 1:
		p.warn("the shell runs %q alone and takes the other words for its arguments; "+
			"begin with CMD, or make it one string", rest[0])
	}
	return slices.Clone(words)
}

const badTest = "a list must begin with CMD, CMD-SHELL or NONE; write a command for the shell as one string"

// probeTime returns 0 for what is not given and, as Docker does, for what is 0:
// the image's, or the default.
func (p place) probeTime(d *types.Duration) time.Duration {
	out := p.duration(d)
	if out > 0 && out < minProbeTime {
		p.problem("must be at least %v", minProbeTime)
	}
	return out
}

func (p place) duration(d *types.Duration) time.Duration {
	if d == nil {
		return 0
	}
	if *d < 0 {
		p.problem("must not be negative")
	}
	return time.Duration(*d)
}

// retries returns 0 for what is not given and, as Docker does, for 0: the
// image's, or the default.
func (p place) retries(n *uint64) int {
	if n == nil {
		return 0
	}
	if *n > math.MaxInt32 {
		p.problem("is more failures than anybody waits for")
		return 0
	}
	return int(*n)
}

// restarts returns the service's restart policy. As with docker compose,
// deploy.restart_policy wins over restart.
func (p place) restarts(s types.ServiceConfig) project.Restart {
	out := p.in("restart").restart(s.Restart)
	if s.Deploy != nil && s.Deploy.RestartPolicy != nil {
		out = p.in("deploy", "restart_policy").restartPolicy(*s.Deploy.RestartPolicy, isJob(s))
	} else if isJob(s) && out.Condition != project.RestartNo && out.Condition != project.RestartOnFailure {
		p.in("restart").problem(restartedJob, s.Restart)
	}
	unhealthy := p.in(extension).restartUnhealthy(s.Extensions[extension])
	if unhealthy && noHealth(s.HealthCheck) {
		p.in(extension, restartUnhealthy).problem("the service's health check is switched off, so it is never unhealthy")
	}
	if out.Condition == project.RestartNo && !unhealthy {
		return project.Restart{}
	}
	out.Unhealthy = unhealthy
	return out
}

// restart reads the attribute of that name; "" is what an empty variable makes
// of it.
func (p place) restart(text string) project.Restart {
	const want = `%q is not one of "no", always, on-failure, on-failure:3, unless-stopped`
	name, count, counted := strings.Cut(text, ":")
	switch condition := project.RestartCondition(name); {
	case !counted && (text == "" || text == "no"):
	case !counted && (condition == project.RestartAlways || condition == project.RestartUnlessStopped):
		return project.Restart{Condition: condition}
	case condition == project.RestartOnFailure:
		out := project.Restart{Condition: condition}
		if !counted {
			return out
		}
		n, err := strconv.ParseUint(count, 10, 31)
		if err != nil {
			p.problem(want, text)
		}
		out.MaxAttempts = int(n)
		return out
	default:
		p.problem(want, text)
	}
	return project.Restart{}
}

// restartConditions are the values of deploy.restart_policy.condition: the
// specification's, and those of restart, which docker compose takes as well.
// Not given is any, by the specification.
var restartConditions = map[string]project.RestartCondition{
	"":               project.RestartAlways,
	"any":            project.RestartAlways,
	"always":         project.RestartAlways,
	"on-failure":     project.RestartOnFailure,
	"unless-stopped": project.RestartUnlessStopped,
	"none":           project.RestartNo,
	"no":             project.RestartNo,
}

const restartedJob = "a job runs to completion, and %s would start it again; use on-failure, or none"

// restartPolicy reads deploy.restart_policy, of a job or of another service. A job
// without a condition is restarted on failure.
func (p place) restartPolicy(r types.RestartPolicy, job bool) project.Restart {
	condition, known := restartConditions[r.Condition]
	switch {
	case !job:
	case r.Condition == "":
		condition = project.RestartOnFailure
	case condition == project.RestartAlways || condition == project.RestartUnlessStopped:
		p.in("condition").problem(restartedJob, r.Condition)
	}
	if !known {
		p.in("condition").problem("%q is not one of none, on-failure, any", r.Condition)
	}
	out := project.Restart{
		Condition: condition,
		Delay:     p.in("delay").duration(r.Delay),
		Window:    p.in("window").duration(r.Window),
	}
	if r.MaxAttempts != nil {
		if *r.MaxAttempts > math.MaxInt32 {
			p.in("max_attempts").problem("must be a number of attempts, or 0 for no limit")
		} else {
			out.MaxAttempts = int(*r.MaxAttempts)
		}
	}
	return out
}

// extension is the attribute under which files say what the Compose
// specification has no attribute for; restartUnhealthy is what it may hold.
const (
	extension        = "x-gocompose"
	restartUnhealthy = "restart_unhealthy"
)

// withOwnCasts adds the types of what the extension holds: a variable's value
// is text.
func withOwnCasts(all map[tree.Path]interpolation.Cast) map[tree.Path]interpolation.Cast {
	all = maps.Clone(all)
	for _, path := range []tree.Path{
		tree.NewPath("services", tree.PathMatchAll, extension, restartUnhealthy),
		tree.NewPath("services", tree.PathMatchAll, extension, verifyKey), tree.NewPath(extension, verifyKey),
	} {
		all[path] = func(text string) (any, error) {
			on, err := strconv.ParseBool(text)
			if err != nil {
				return nil, fmt.Errorf("%q is not true or false", text)
			}
			return on, nil
		}
	}
	return all
}

// restartUnhealthy reads a service's extension. Keys that are not known are
// refused by their rule.
func (p place) restartUnhealthy(value any) bool {
	if value == nil {
		return false
	}
	settings, ok := value.(map[string]any)
	if !ok {
		p.problem("must be a mapping, as {%s: true}", restartUnhealthy)
		return false
	}
	on, ok := settings[restartUnhealthy]
	out, isBool := on.(bool)
	if ok && !isBool {
		p.in(restartUnhealthy).problem("must be true or false")
	}
	return out
}

func needs(deps types.DependsOnConfig) []project.Need {
	var out []project.Need
	for _, name := range slices.Sorted(maps.Keys(deps)) {
		d := deps[name]
		condition := project.Condition(d.Condition)
		if condition == "" {
			condition = project.Started
		}
		out = append(out, project.Need{Service: name, Condition: condition, Restart: d.Restart, Optional: !d.Required})
	}
	return out
}

// checkNeeds finds conditions that can never hold by what the files say.
func (c *converter) checkNeeds(services []project.Service) {
	restarts := map[string]project.RestartCondition{}
	for _, s := range services {
		restarts[s.Name] = s.Template.Restart.Condition
	}
	for _, s := range services {
		for _, need := range s.Template.Needs {
			at := place{c, []string{"services", s.Name, "depends_on", need.Service, "condition"}}
			on, enabled := c.model.Services[need.Service]
			switch restart := restarts[need.Service]; {
			case !enabled, on.Provider != nil: // its having been brought up is all there is
			case need.Condition == project.Healthy && noHealth(on.HealthCheck):
				at.problem("service %s has its health check switched off, so it never becomes healthy; "+
					"use service_started, or give it a health check", need.Service)
			case need.Condition == project.Completed &&
				(restart == project.RestartAlways || restart == project.RestartUnlessStopped):
				at.warn("service %s is started again whenever it ends (%s), so it may never count as completed; "+
					"let it restart on-failure, or not at all", need.Service, restart)
			}
		}
	}
}
