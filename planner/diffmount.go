package planner

import (
	"strings"

	"github.com/gocompose/gocompose/project"
)

// mounts compares what is mounted, target by target. An image that is mounted has
// changed too when its name stands for another one now.
func (d *differ) mounts(have Container, want project.Container, images map[string]string) {
	from, to := mounts(have.Spec.Mounts), mounts(want.Mounts)
	hadLabels, hasLabels := mountLabels(have.Spec.Mounts), mountLabels(want.Mounts)
	for _, target := range keys(from, to) {
		if d.value("volumes."+target, from[target], to[target]); from[target] == to[target] {
			d.secret("volumes."+target+".labels", hadLabels[target], hasLabels[target])
		}
	}
	d.list("volumes_from", suppliers(have.Spec), suppliers(want))
	for _, m := range want.Mounts {
		before, now := have.MountedImages[m.Target], images[project.Image{Ref: m.Source}.String()]
		if m.Type != project.MountImage || from[m.Target] != to[m.Target] || before == "" || now == "" {
			continue
		}
		image := string(project.MountImage) + " " + ShortImage(m.Source) + "@"
		d.value("volumes."+m.Target, image+shortDigest(before, now), image+shortDigest(now, before))
	}
}

// mounts describes mounts by their targets. Everything that tells one mount
// from another is in its text, but for labels, whose values may be secret.
func mounts(list []project.Mount) map[string]string {
	out := make(map[string]string, len(list))
	for _, m := range list {
		source := m.Source
		if m.Type == project.MountImage {
			source = ShortImage(source)
		}
		words := []string{string(m.Type)}
		for _, w := range []struct {
			set  bool
			word string
		}{
			{m.Source != "", quoted([]string{source})},
			{m.Within != "", "within=" + quoted([]string{m.Within})},
			{m.Subpath != "", "subpath=" + quoted([]string{m.Subpath})},
			{m.ReadOnly, "read_only"},
			{m.CreateHostPath, "create_host_path"},
			{m.NoCopy, "nocopy"},
			{m.Propagation != "", "propagation=" + m.Propagation},
			{m.Recursive != "", "recursive=" + string(m.Recursive)},
			{m.SELinux != "", "selinux=" + m.SELinux},
			{len(m.Options) > 0, "options=" + strings.Join(m.Options, ",")},
		} {
			if w.set {
				words = append(words, w.word)
			}
		}
		out[m.Target] = strings.Join(words, " ")
	}
	return out
}

// suppliers returns volumes_from as in a Compose file. Which container it is now,
// is looked at by up.supply.
func suppliers(c project.Container) []string {
	out := make([]string, len(c.VolumesFrom))
	for i, f := range c.VolumesFrom {
		out[i] = f.String()
	}
	return out
}

func mountLabels(list []project.Mount) map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, m := range list {
		out[m.Target] = m.Labels
	}
	return out
}
