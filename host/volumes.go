package host

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/internal/diskuse"
	"github.com/gocompose/gocompose/internal/flock"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/volumes"
)

// Volume is what people want to know about a volume.
type Volume struct {
	volumes.Volume
	// Mountpoint is the folder of its content: what its options say is mounted there
	// while a container that uses it runs.
	Mountpoint string
	// AllLabels are the user's and, of a project's volume, those that Docker Compose
	// puts on it.
	AllLabels map[string]string
	// Users are the names of the containers that have it, whether they run or not.
	// LookAtVolumes leaves them out.
	Users []string
}

// anonymousLabel is what Docker puts on volumes without a name of their own.
const anonymousLabel = "com.docker.volume.anonymous"

// LookAtVolumes returns all volumes, sorted by name. Nothing is started for it,
// so who uses them is not known.
func LookAtVolumes(cfg Config) ([]Volume, error) {
	store := volumes.Open(cfg.Paths.Volumes(), cfg.Paths.UsedVolumes())
	found, err := store.List()
	if errors.Is(err, fs.ErrPermission) {
		return nil, ErrNotRoot
	}
	if err != nil {
		return nil, err
	}
	all := make([]Volume, len(found))
	for i, v := range found {
		all[i] = Volume{Volume: v, AllLabels: volumeLabels(v.Volume, cfg.Version)}
		if all[i].Mountpoint, err = store.Data(v.Name); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func volumeLabels(v project.Volume, version string) map[string]string {
	all := maps.Clone(v.Labels)
	if all == nil {
		all = map[string]string{}
	}
	switch {
	case v.Anonymous:
		all[anonymousLabel] = ""
	case v.Project != "":
		maps.Copy(all, map[string]string{
			"com.docker.compose.project": v.Project,
			"com.docker.compose.volume":  v.Key,
			"com.docker.compose.version": version,
		})
	}
	return all
}

// Volumes is LookAtVolumes with the containers that have the volumes.
func (h *Host) Volumes(ctx context.Context) ([]Volume, error) {
	found, err := h.containerd.Containers(ctx, containerd.Filter{})
	if err != nil {
		return nil, err
	}
	users := volumeUsers(found)
	all, err := LookAtVolumes(h.cfg)
	for i := range all {
		all[i].Users = slices.Sorted(slices.Values(users[all[i].ID()]))
	}
	return all, err
}

// Size returns what the volume takes on its disk, in allocated bytes. What is
// mounted on it does not count: it is not the volume's to give back.
func (v Volume) Size(ctx context.Context) (int64, error) {
	if len(v.Options) > 0 {
		return 0, nil
	}
	sums, err := diskuse.Of(ctx, filepath.Dir(v.Mountpoint), func(string) string { return "" })
	return sums[""], err
}

// maker is who uses the volumes of a container that is being made.
func maker(id string) string { return id + makerMark }

// makerMark ends the names of makers; no container's ID has it.
const makerMark = "+"

// useVolumes has mounted what the volumes of a container say is to be, until
// user, its ID or its maker, releases them.
func (h *Host) useVolumes(ctx context.Context, user string, mounts []project.Mount) error {
	for _, m := range mounts {
		if m.Type != project.MountVolume || m.Source == "" {
			continue // anonymous ones are folders
		}
		if err := h.volumes.Use(ctx, m.Source, user); err != nil {
			return err
		}
	}
	return nil
}

// sweepVolumes releases the volumes that killed processes have left in use for
// containers that do not run. Those that somebody is busy with are left alone.
func (h *Host) sweepVolumes(ctx context.Context) error {
	users, err := h.volumes.Users()
	errs := []error{err}
	for _, user := range users {
		errs = append(errs, h.sweepUser(ctx, user))
	}
	return errors.Join(errs...)
}

func (h *Host) sweepUser(ctx context.Context, user string) error {
	id, makes := strings.CutSuffix(user, makerMark)
	lock, err := flock.Try(h.containerLock(id))
	if errors.Is(err, flock.ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	c, err := h.containerd.Container(ctx, id)
	switch {
	case errdefs.IsNotFound(err): // with its lock, which is only there because of us
		err = errors.Join(h.volumes.Release(user), removeIfThere(h.containerLock(id)))
	case err == nil && (makes || !c.Running()):
		err = h.volumes.Release(user)
	}
	return errors.Join(err, lock.Unlock())
}
