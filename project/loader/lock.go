package loader

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	"go.yaml.in/yaml/v4"
	"golang.org/x/sync/errgroup"

	"github.com/gocompose/gocompose/internal/near"
	"github.com/gocompose/gocompose/project"
)

// LockName is the name of the file, beside the first Compose file, that pins images.
const LockName = "compose.lock.yaml"

// lockHeader is what people read of it.
const lockHeader = "# Written by `gocompose lock`: what the names of the images stood for. `gocompose up --locked` uses exactly\n" +
	"# these. Keep it with the Compose file, and run `gocompose lock` again to take over what is newer. Images that are\n" +
	"# built are not in it, nor those that they are built from.\n"

// Lock says what the names of images stood for when it was made.
type Lock struct {
	// Services are the images of services: a name, and its digest. A file to lay over the
	// others has them so too.
	Services map[string]LockedImage `yaml:"services,omitempty"`
	// Others maps the names of the images that services mount, or that run before them, to
	// digests.
	Others map[string]string `yaml:"x-images,omitempty"`
}

// LockedImage is one of Lock's.
type LockedImage struct {
	Image string `yaml:"image"` // "docker.io/library/nginx:1.27@sha256:…"
}

// LockPath returns where the lock of the files belongs. Where the first of them is a copy
// of one elsewhere, of is its name: the lock that came with it is read, and never written.
func LockPath(ctx context.Context, o Options) (path, of string, err error) {
	src, err := locate(ctx, o)
	if err != nil {
		return "", "", err
	}
	path = src.lockPath()
	return path, src.lockOf(path), nil
}

// lockOf is the name of the file elsewhere beside whose copy a lock is.
func (s *source) lockOf(path string) string {
	if _, copied := s.copyOf(path); copied {
		return s.display(s.files[0].Filename)
	}
	return ""
}

// ErrLockElsewhere says what to do where a lock would have to be written beside a file elsewhere.
func ErrLockElsewhere(of string) error {
	return fmt.Errorf("the lock of %[1]s belongs beside it, where it is kept: write one there; or have one of your own here: "+
		"`gocompose -f %[1]s lock --dry-run >%[2]s`, and `-f %[1]s -f %[2]s` uses it", of, LockName)
}

func (s *source) lockPath() string {
	if first := s.files[0].Filename; first != "-" {
		return filepath.Join(filepath.Dir(first), LockName)
	}
	return filepath.Join(s.dir, LockName)
}

// LoadToLock returns the model that a lock is made of: all services, whatever profiles they have.
func LoadToLock(ctx context.Context, o Options) (*Model, error) {
	o.Profiles, o.Services = []string{"*"}, nil
	return LoadModel(ctx, o, ModelOptions{NoEnvResolution: true})
}

// Lock asks resolve, from several goroutines, for the digests of the images that the
// files name: of the services given, or of all. Those that are built are left out.
func (m *Model) Lock(ctx context.Context, services []string, resolve func(ctx context.Context, ref string) (string, error)) (Lock, error) {
	for _, name := range services {
		if _, known := m.model.Services[name]; !known {
			return Lock{}, fmt.Errorf("no such service: %s%s", name, near.Question(name, m.sortedServices()))
		}
	}
	found := digests{resolve: resolve, of: map[string]string{}}
	wanted, built := types.Services{}, m.src.builtImages(m.model)
	for name, s := range m.model.Services {
		if len(services) == 0 || slices.Contains(services, name) {
			wanted[name] = s
			for _, image := range fetchedImages(s, built) {
				if err := found.want("services."+name, image); err != nil {
					return Lock{}, err
				}
			}
		}
	}
	if err := found.lookUp(ctx); err != nil {
		return Lock{}, err
	}
	return found.lock(wanted, built), nil
}

// fetchedImages returns the images of a service that are not built, its own first; "" if
// that is, or if there is none.
func fetchedImages(s types.ServiceConfig, built []string) []string {
	images := []string{s.Image}
	for _, v := range s.Volumes {
		if v.Type == types.VolumeTypeImage {
			images = append(images, v.Source)
		}
	}
	for _, before := range s.PreStart {
		if before.Image != s.Image {
			images = append(images, before.Image)
		}
	}
	for i, image := range images {
		named, err := reference.ParseDockerRef(image)
		if s.Build != nil && i == 0 || err == nil && slices.Contains(built, named.String()) {
			images[i] = ""
		}
	}
	return images
}

// builtImages returns the normalised names of the images that services build, selected or
// not, sorted.
func (s *source) builtImages(model *types.Project) []string {
	var out []string
	for name, service := range model.AllServices() {
		image := service.Image
		if image == "" {
			image = s.name + cmp.Or(s.separator, project.Separator) + name
		}
		if service.Build == nil {
			continue
		}
		for _, name := range append([]string{image}, service.Build.Tags...) {
			if named, err := reference.ParseDockerRef(name); err == nil {
				out = append(out, named.String())
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// digests are those of images, by their names.
type digests struct {
	resolve func(ctx context.Context, ref string) (string, error)
	of      map[string]string
	whose   []string // one each, in the order of refs
	refs    []string
}

// want has an image looked up that has no digest yet.
func (d *digests) want(whose, image string) error {
	if image == "" {
		return nil
	}
	named, err := reference.ParseDockerRef(image)
	if err != nil {
		return fmt.Errorf("%s: %q is not an image reference like nginx:1.27: %w", whose, image, err)
	}
	if digested, ok := named.(reference.Digested); ok {
		d.of[named.String()] = digested.Digest().String()
	} else if !slices.Contains(d.refs, named.String()) {
		d.refs, d.whose = append(d.refs, named.String()), append(d.whose, whose)
	}
	return nil
}

func (d *digests) lookUp(ctx context.Context) error {
	found := make([]string, len(d.refs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i, ref := range d.refs {
		group.Go(func() (err error) {
			if found[i], err = d.resolve(ctx, ref); err != nil {
				return fmt.Errorf("looking up digests: %s: %w", d.whose[i], err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, ref := range d.refs {
		d.of[ref] = found[i]
	}
	return nil
}

func (d *digests) lock(services types.Services, built []string) Lock {
	l := Lock{Services: map[string]LockedImage{}, Others: map[string]string{}}
	for name, s := range services {
		for i, image := range fetchedImages(s, built) {
			if image == "" {
				continue
			}
			named, _ := reference.ParseDockerRef(image) // it was parsed before
			found := d.of[named.String()]
			switch {
			case i > 0:
				l.Others[named.String()] = found
			case isDigested(named):
				l.Services[name] = LockedImage{named.String()}
			default:
				l.Services[name] = LockedImage{named.String() + "@" + found}
			}
		}
	}
	return l
}

// ReadLock reads a lock. One that is not there has nothing in it, and is an error that
// is fs.ErrNotExist.
func ReadLock(path string) (l Lock, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return l, err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&l); err != nil {
		return l, fmt.Errorf("reading %s: %w", path, err)
	}
	for name, s := range l.Services {
		if named, err := reference.ParseNormalizedNamed(s.Image); err != nil || !isDigested(named) {
			return l, fmt.Errorf("reading %s: services.%s.image: %q is not a name with a digest: run `gocompose lock`", path, name, s.Image)
		}
	}
	for ref, text := range l.Others {
		if _, err := digest.Parse(text); err != nil {
			return l, fmt.Errorf("reading %s: x-images: %s: %q is not a digest: run `gocompose lock`", path, ref, text)
		}
	}
	return l, nil
}

func isDigested(named reference.Named) bool {
	_, ok := named.(reference.Digested)
	return ok
}

// YAML returns what the file has in it.
func (l Lock) YAML() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(lockHeader)
	if len(l.Services) == 0 && len(l.Others) == 0 {
		b.WriteString("services: {}\n")
		return b.Bytes(), nil
	}
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	err := errors.Join(encoder.Encode(l), encoder.Close())
	return b.Bytes(), err
}

// With returns the lock with what newer has of the services in place of its own.
func (l Lock) With(newer Lock) Lock {
	out := Lock{maps.Clone(l.Services), maps.Clone(l.Others)}
	if out.Services == nil {
		out.Services = map[string]LockedImage{}
	}
	if out.Others == nil {
		out.Others = map[string]string{}
	}
	maps.Copy(out.Services, newer.Services)
	maps.Copy(out.Others, newer.Others)
	return out
}

// Differences says, sorted, in what newer differs.
func (l Lock) Differences(newer Lock) []string {
	was, is := map[string]string{}, map[string]string{}
	for of, lock := range map[*map[string]string]Lock{&was: l, &is: newer} {
		for name, s := range lock.Services {
			(*of)["service "+name] = s.Image
		}
		for ref, d := range lock.Others {
			(*of)["image "+ref] = d
		}
	}
	names := maps.Clone(was)
	maps.Copy(names, is)
	var out []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if was[name] != is[name] {
			out = append(out, fmt.Sprintf("%s: %s is locked, and it is %s now", name, cmp.Or(was[name], "nothing"), cmp.Or(is[name], "not there")))
		}
	}
	return out
}
