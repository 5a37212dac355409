package planner

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/project"
)

// Volumes plans to make volumes and to destroy others.
func Volumes(create, remove []project.Volume) *Plan {
	b := newBuilder(&project.Project{}, Observed{}, Options{})
	for _, v := range remove {
		b.add(RemoveVolume{v}, nil, because(Requested))
	}
	for _, v := range create {
		b.add(CreateVolume{v}, b.planned(VerbRemove, v.ID()), because(Requested))
	}
	steps, _ := sorted(b.steps) // each is there once, and none waits for one that waits
	return &Plan{Steps: steps}
}

// ChangedVolume is a volume that is there by another definition than the
// project's.
type ChangedVolume struct {
	Volume project.Volume // as it is there
	Why    []Reason
}

// Loses tells whether the volume's data goes with it: what is on a device stays.
func (c ChangedVolume) Loses() bool {
	return c.Volume.Options[project.VolumeDevice] == "" || c.Volume.Options[project.VolumeType] == "tmpfs"
}

func (c ChangedVolume) loss() string {
	if c.Loses() {
		return "all of its data is lost"
	}
	return "what is on its device stays there"
}

// ChangedVolumes returns the project's volumes that were made by another
// definition, in the order of the project. What becomes of them is the user's
// to say, see Options.Redefined.
func ChangedVolumes(p *project.Project, obs Observed) []ChangedVolume {
	b := newBuilder(p, obs, Options{})
	var out []ChangedVolume
	for _, want := range p.Volumes {
		have, there := b.volume(want.Name)
		if !there || want.External || want.Project == "" || have.Project != p.Name {
			continue
		}
		if why := DiffVolume(have, want); len(why) > 0 {
			out = append(out, ChangedVolume{have, why})
		}
	}
	return out
}

// DiffVolume says how the definition of a volume that is there differs from what
// is wanted, in terms of a Compose file. Labels do not count: no data need be
// lost for them.
func DiffVolume(have, want project.Volume) []Reason {
	var d differ
	d.value("driver", cmp.Or(have.Driver, project.DriverLocal), cmp.Or(want.Driver, project.DriverLocal))
	for _, name := range keys(have.Options, want.Options) {
		field := "driver_opts." + name
		from, to := have.Options[name], want.Options[name]
		shownFrom, shownTo := project.HideSecrets(from), project.HideSecrets(to)
		switch {
		case from == to:
		case shownFrom == shownTo, from == "" && to == "none", from == "none" && to == "":
			d.changed(field) // only what is secret has, or words would not tell
		default:
			d.value(field, shownFrom, shownTo)
		}
	}
	return d.reasons
}

func (b *builder) volume(name string) (v project.Volume, there bool) {
	i := slices.IndexFunc(b.obs.Volumes, func(v project.Volume) bool { return v.Name == name })
	if i < 0 {
		return v, false
	}
	return b.obs.Volumes[i], true
}

// redefine finds out which volumes are replaced, and that the containers that
// have them are, too.
func (u *up) redefine() {
	u.redefined = map[string][]Reason{}
	for _, v := range ChangedVolumes(u.project, u.obs) {
		switch u.opt.Redefined[v.Volume.Name] {
		case VolumeAnew:
			u.redefined[v.Volume.Name] = v.Why
			u.notice(fmt.Sprintf("volume %q has changed (%s): it is removed and made anew, and %s", v.Volume.Name, joined(v.Why), v.loss()), v.Volume.ID())
		case VolumeKept:
			u.notice(fmt.Sprintf("volume %q has changed (%s), and stays as it is", v.Volume.Name, joined(v.Why)), v.Volume.ID())
		}
	}
	for i := range u.wanted {
		r := &u.wanted[i]
		if r.creates() || len(r.have) == 0 {
			continue
		}
		used := uses(r.have[0].Container)
		for _, name := range slices.Sorted(maps.Keys(u.redefined)) {
			if id := (project.Volume{Name: name}).ID(); used[id] {
				r.why = append(r.why, following(id))
			}
		}
		if r.creates() {
			r.want = u.defined(r.want.ID()) // also where others are not replaced
		}
	}
}

// defined returns the container as the files ask for it.
func (b *builder) defined(id project.ID) project.Container {
	for _, s := range b.project.Services {
		for _, c := range s.Containers() {
			if c.ID() == id {
				return c
			}
		}
	}
	return project.Container{}
}

// redefinedOf returns the volumes that are replaced and that c has, also those
// that it takes over, sorted.
func (u *up) redefinedOf(c project.Container) []string {
	var names []string
	for _, f := range c.VolumesFrom {
		if of := u.supplier(f); of != nil {
			names = append(names, u.redefinedOf(of.want)...)
		}
	}
	for _, m := range c.Mounts {
		if m.Type == project.MountVolume && u.redefined[m.Source] != nil {
			names = append(names, m.Source)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (u *up) onRedefined(c project.Container) bool { return len(u.redefinedOf(c)) > 0 }

// besidesRedefined returns the steps that make none of the volumes that are
// replaced.
func (u *up) besidesRedefined(steps []StepID) []StepID {
	return slices.DeleteFunc(slices.Clone(steps), func(id StepID) bool {
		op, volume := u.steps[u.at[id]].Op.(CreateVolume)
		return volume && u.redefined[op.Volume.Name] != nil
	})
}

// redefinedVolumes notes the volumes that were made by another definition and
// cannot, or may not, be replaced.
func (u *up) redefinedVolumes(ps *problems) {
	for _, v := range ChangedVolumes(u.project, u.obs) {
		if u.opt.Redefined[v.Volume.Name] == VolumeRefused {
			ps.conflict(v.Volume.ID(), "it has changed (%s). `gocompose up --yes` removes it and makes it anew, and %s; "+
				"to keep it, take the change back, or give the new volume another name", joined(v.Why), v.loss())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(u.redefined)) {
		id := project.Volume{Name: name}.ID()
		if users := u.obs.Used[id]; len(users) > 0 {
			ps.conflict(id, "it has changed (%s) and is used by %s of other projects; remove them first", joined(u.redefined[name]), strings.Join(users, ", "))
		}
		for _, c := range u.rest() {
			if uses(c.Container)[id] {
				ps.conflict(id, "it has changed (%s) and is used by %s, which this command does not replace; name its service too, or remove it",
					joined(u.redefined[name]), c.target)
			}
		}
	}
}

// volumes plans to make what is missing, and, once all that use them are removed,
// to replace what is to be made by another definition.
func (u *up) volumes() {
	for _, v := range u.project.Volumes {
		have, there := u.volume(v.Name)
		switch why := u.redefined[v.Name]; {
		case !there:
			u.add(CreateVolume{v}, nil, because(Missing))
		case why != nil:
			u.add(CreateVolume{v}, []StepID{u.add(RemoveVolume{have}, nil, why)}, why)
		case v.External || v.Project == "":
		case have.Project == u.project.Name:
			u.otherLabels(have, v)
		case have.Project == "":
			u.notice(fmt.Sprintf("volume %q already exists but was not created by gocompose. Use `external: true` to use an existing volume", v.Name), v.ID())
		default:
			u.notice(fmt.Sprintf("volume %q already exists but was created for project %q (expected %q). Use `external: true` to use an existing volume",
				v.Name, have.Project, u.project.Name), v.ID())
		}
	}
}

// otherLabels says that the labels of a volume are not those of the files: it has
// them from when it was made.
func (u *up) otherLabels(have, want project.Volume) {
	var d differ
	d.secret("labels", have.Labels, want.Labels)
	if len(d.reasons) > 0 {
		u.notice(fmt.Sprintf("volume %q keeps the labels that it was made with (%s)", want.Name, joined(d.reasons)), want.ID())
	}
}

// replaceVolumes has the removals of volumes wait for those of the containers
// that have them.
func (u *up) replaceVolumes() {
	for _, name := range slices.Sorted(maps.Keys(u.redefined)) {
		id := project.Volume{Name: name}.ID()
		step := &u.steps[u.at[stepID(VerbRemove, id)]]
		for _, c := range u.present() {
			if uses(c.Container)[id] {
				step.Needs = append(step.Needs, u.planned(VerbRemove, c.target)...)
				u.awaits(id.String(), c.Spec.Service)
			}
		}
		for _, r := range u.wanted {
			hooked := slices.ContainsFunc(r.want.Hooks.BeforeStart, func(p project.PreStart) bool { return specUses(p.Container)[id] })
			if hooked || slices.Contains(u.redefinedOf(r.want), name) {
				u.awaits(r.want.Service, id.String())
			}
		}
	}
}
