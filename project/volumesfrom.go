package project

import (
	"cmp"
	"slices"
)

// VolumesFrom names a container whose mounts another one takes over.
type VolumesFrom struct {
	// Service is one of the project, and means its first replica; else Container is
	// a container's name.
	Service   string `json:"service,omitempty"`
	Container string `json:"container,omitempty"`
	// ReadOnly: what is taken over is read-only, whatever it is there.
	ReadOnly bool `json:"readOnly,omitempty"`
	// ID is the runtime's identifier of the container, which the planner fills in
	// when one is made. It does not count when specifications are compared.
	ID string `json:"id,omitempty"`
}

// String writes it as a Compose file does.
func (f VolumesFrom) String() string {
	text := f.Service
	if f.Container != "" {
		text += ModeContainer + f.Container
	}
	if f.ReadOnly {
		text += ":ro"
	}
	return text
}

// Shared returns what a container shares with those that take its mounts over:
// its own with the names of its anonymous volumes, those of its image among them,
// and what it has taken over itself. A tmpfs is nobody else's.
func (c Container) Shared(anonymous map[string]string, taken []Mount) []Mount {
	var out []Mount
	own := map[string]bool{}
	for _, m := range c.Mounts {
		own[m.Target] = true
		if m.Type == MountVolume && m.Source == "" {
			m.Source = anonymous[m.Target]
		}
		if m.Type != MountTmpfs {
			out = append(out, m)
		}
	}
	for target, name := range anonymous {
		if !own[target] {
			out = append(out, Mount{Type: MountVolume, Source: name, Target: target})
		}
	}
	return append(out, taken...)
}

// Taken returns the mounts that c takes over of what others share with it, shared
// in the order of c.VolumesFrom: those where it has none of its own, and of two at
// one target the later. They are sorted by target.
func (c Container) Taken(shared [][]Mount) []Mount {
	at := map[string]Mount{}
	for i, list := range shared {
		for _, m := range list {
			m.ReadOnly = m.ReadOnly || c.VolumesFrom[i].ReadOnly
			// Volumes are filled for who has them first; what is given to one when it
			// is made was given then.
			m.NoCopy, m.Labels = m.Type == MountVolume, nil
			at[m.Target] = m
		}
	}
	for _, m := range c.Mounts {
		delete(at, m.Target)
	}
	out := make([]Mount, 0, len(at))
	for _, m := range at {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b Mount) int { return cmp.Compare(a.Target, b.Target) })
	return out
}
