package planner

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/project"
)

// diff says how the container that is there differs from what is wanted, in
// terms of a Compose file, field by field. Needs and Origin do not count: they
// are not part of what runs. Nor does what makes it that replica: project,
// service and number.
func diff(have Container, want project.Container, images map[string]string) []Reason {
	var d differ
	d.image(have, want, images)
	d.value("platform", have.Spec.Platform, want.Platform)
	h, w := have.Spec, want
	d.process(h, w)
	d.network(h, w)
	d.mounts(have, w, images)
	d.storage(h, w)
	d.files(h.Files, w.Files)
	d.limits(h, w)
	d.security(h.Security, w.Security)
	d.namespaces(h, w)
	d.resources(h.Resources, w.Resources)
	d.devices(h.Devices, w.Devices)
	d.health(h.Health, w.Health)
	d.restart(h.Restart, w.Restart)
	d.hooks(h.Hooks, w.Hooks)
	d.secret("annotations", h.Annotations, w.Annotations)
	return d.reasons
}

type differ struct{ reasons []Reason }

// changed notes a difference whose values stay hidden.
func (d *differ) changed(field string) {
	d.reasons = append(d.reasons, Reason{Cause: Changed, Field: field})
}

func (d *differ) value(field, from, to string) {
	if from != to {
		d.reasons = append(d.reasons, Reason{Cause: Changed, Field: field, From: from, To: to})
	}
}

func (d *differ) list(field string, from, to []string) {
	if !slices.Equal(from, to) {
		d.value(field, quoted(from), quoted(to))
	}
}

// quoted joins so that different lists give different texts.
func quoted(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = s
		if s == "" || strings.ContainsAny(s, `, "`) {
			out[i] = fmt.Sprintf("%q", s)
		}
	}
	return strings.Join(out, ", ")
}

// secret compares maps whose values are not shown.
func (d *differ) secret(field string, from, to map[string]string) {
	for _, k := range keys(from, to) {
		f, had := from[k]
		t, has := to[k]
		if f != t || had != has {
			d.changed(field + "." + k)
		}
	}
}

func (d *differ) image(have Container, want project.Container, images map[string]string) {
	from, to := have.Spec.Image, want.Image
	before, now := have.ImageDigest, images[want.WantedImage().String()]
	if from != to {
		d.value("image", ShortImage(from), ShortImage(to))
	} else if have.Spec.Platform == want.Platform && before != "" && now != "" && before != now {
		d.value("image", ShortImage(from)+"@"+shortDigest(before, now), ShortImage(to)+"@"+shortDigest(now, before))
	}
}

// ShortImage returns a normalised image reference as people write it:
// "docker.io/library/nginx:1.27" as "nginx:1.27".
func ShortImage(ref string) string {
	if s, ok := strings.CutPrefix(ref, "docker.io/library/"); ok {
		return s
	}
	return strings.TrimPrefix(ref, "docker.io/")
}

// shortDigest returns the first digits of digest, as many as it takes to tell
// it from other and at least twelve.
func shortDigest(digest, other string) string {
	_, hex, ok := strings.Cut(digest, ":")
	_, otherHex, _ := strings.Cut(other, ":")
	if !ok || len(hex) <= 12 || strings.HasPrefix(otherHex, hex[:12]) {
		return digest
	}
	return hex[:12] + "…"
}

// process compares what is run, and as whom.
func (d *differ) process(h, w project.Container) {
	d.value("container_name", h.Name, w.Name)
	for _, f := range []struct {
		name     string
		from, to []string
	}{{"entrypoint", h.Entrypoint, w.Entrypoint}, {"command", h.Command, w.Command}} {
		// Nil, the image's, is not empty, none.
		if !slices.Equal(f.from, f.to) || (f.from == nil) != (f.to == nil) {
			d.changed(f.name)
		}
	}
	d.environment(h, w)
	d.value("user", h.User, w.User)
	d.value("working_dir", h.WorkingDir, w.WorkingDir)
	d.value("hostname", h.Hostname, w.Hostname)
	d.secret("labels", h.Labels, w.Labels)
	d.value("init", yesNo(h.Init), yesNo(w.Init))
	d.value("tty", yesNo(h.TTY), yesNo(w.TTY))
	d.value("stdin_open", yesNo(h.StdinOpen), yesNo(w.StdinOpen))
	d.value("stop_signal", h.StopSignal, w.StopSignal)
	d.value("stop_grace_period", h.StopGrace.String(), w.StopGrace.String())
	d.logging(h.Logging, w.Logging)
}

// environment compares the variables that are set, those taken away and those
// provided, as one set of names.
func (d *differ) environment(h, w project.Container) {
	type state struct {
		value                string
		set, unset, provided bool
	}
	of := func(c project.Container, k string) state {
		v, set := c.Env[k]
		return state{v, set, slices.Contains(c.UnsetEnv, k), slices.Contains(c.Provided, k)}
	}
	names := keys(h.Env, w.Env)
	names = slices.Concat(names, h.UnsetEnv, w.UnsetEnv, h.Provided, w.Provided)
	slices.Sort(names)
	for _, k := range slices.Compact(names) {
		if of(h, k) != of(w, k) {
			d.changed("environment." + k)
		}
	}
}

func (d *differ) storage(h, w project.Container) {
	d.value("read_only", yesNo(h.ReadOnly), yesNo(w.ReadOnly))
	d.value("shm_size", bytes(h.ShmSize), bytes(w.ShmSize))
}

func (d *differ) limits(h, w project.Container) {
	d.list("cap_add", h.CapAdd, w.CapAdd)
	d.list("cap_drop", h.CapDrop, w.CapDrop)
	d.value("privileged", yesNo(h.Privileged), yesNo(w.Privileged))
	from, to := ulimits(h.Ulimits), ulimits(w.Ulimits)
	for _, k := range keys(from, to) {
		d.value("ulimits."+k, from[k], to[k])
	}
	d.entries("sysctls", h.Sysctls, w.Sysctls)
	d.value("cpus", cpus(h.NanoCPUs), cpus(w.NanoCPUs))
	d.value("mem_limit", bytes(h.Memory), bytes(w.Memory))
}

// keys returns the keys of both maps, sorted.
func keys(a, b map[string]string) []string {
	all := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(all)
	return slices.Compact(all)
}

func yesNo(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

func ulimits(list []project.Ulimit) map[string]string {
	out := make(map[string]string, len(list))
	for _, u := range list {
		out[u.Name] = fmt.Sprintf("%d:%d", u.Soft, u.Hard)
	}
	return out
}

// cpus writes billionths of a processor as a Compose file writes processors.
func cpus(nano int64) string {
	if nano == 0 {
		return ""
	}
	s := fmt.Sprintf("%d.%09d", nano/1e9, nano%1e9)
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}
