// Package cdi gives containers devices by the Container Device Interface, where
// vendors describe in files on the host what a container needs for a device.
package cdi

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"tags.cncf.io/container-device-interface/pkg/cdi"
	"tags.cncf.io/container-device-interface/pkg/parser"

	"github.com/gocompose/gocompose/project"
)

// DirsEnv names the folders of CDI specifications, separated by colons, of which
// later ones go before; empty: /etc/cdi and /var/run/cdi.
const DirsEnv = "GOCOMPOSE_CDI_DIRS"

// Dirs returns the folders that the environment asks for.
func Dirs() []string {
	if dirs := filepath.SplitList(os.Getenv(DirsEnv)); len(dirs) > 0 {
		return dirs
	}
	return slices.Clone(cdi.DefaultSpecDirs)
}

// Inject changes the specification of a container as the descriptions in dirs
// say of the devices it asks for. Errors name the attribute that does.
func Inject(s *specs.Spec, asked project.Devices, dirs []string) error {
	if len(asked.CDI)+len(asked.Requests) == 0 {
		return nil
	}
	r := open(dirs)
	names, err := r.names(asked)
	if err != nil {
		return err
	}
	if _, err := r.cache.InjectDevices(s, names...); err != nil {
		return fmt.Errorf("devices by CDI: %w: %s", err, again)
	}
	return checkHooks(s)
}

const again = "have the vendor's tool write the specifications again, for NVIDIA nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"

func open(dirs []string) registry {
	cache, _ := cdi.NewCache(cdi.WithSpecDirs(dirs...), cdi.WithAutoRefresh(false)) // its error is always nil
	return registry{cache, dirs, cache.ListDevices(), broken(cache)}
}

// broken says what is wrong with specifications that cannot be read.
func broken(cache *cdi.Cache) []string {
	var out []string
	for _, errs := range cache.GetErrors() {
		for _, err := range errs {
			out = append(out, err.Error())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// checkHooks tells of programs that are not there, which runtimes would run.
func checkHooks(s *specs.Spec) error {
	if s.Hooks == nil {
		return nil
	}
	//nolint:staticcheck // deprecated, and still in specifications of vendors
	for _, h := range slices.Concat(s.Hooks.Prestart, s.Hooks.CreateRuntime, s.Hooks.CreateContainer, s.Hooks.Poststart, s.Hooks.Poststop) {
		if _, err := os.Stat(h.Path); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("devices by CDI: the specification has %s run, which is not there: install it, or %s", h.Path, again)
		}
	}
	return nil
}

// registry is what the specifications of a host have.
type registry struct {
	cache   *cdi.Cache
	dirs    []string
	devices []string // "vendor.com/class=name"
	broken  []string
}

// names returns the names of the devices that are asked for, each of which there
// is.
func (r registry) names(asked project.Devices) ([]string, error) {
	var names []string
	for _, name := range asked.CDI {
		if err := r.has("devices", name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	for _, request := range asked.Requests {
		found, err := r.requested(request)
		if err != nil {
			return nil, err
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func (r registry) requested(q project.DeviceRequest) ([]string, error) {
	kind, err := r.kind(q)
	if err != nil {
		return nil, err
	}
	names := slices.Clone(q.IDs)
	if q.Count == project.AllDevices {
		names = append(names, "all")
	}
	for i := range q.Count {
		names = append(names, fmt.Sprint(i))
	}
	for i := range names {
		if !parser.IsQualifiedName(names[i]) {
			names[i] = kind + "=" + names[i]
		}
		if err := r.has(q.Attribute, names[i]); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// gpus are the kinds of GPUs by their drivers.
var gpus = map[string]string{project.DriverNvidia: "nvidia.com/gpu", project.DriverAMD: "amd.com/gpu"}

// tools are how specifications of them are made.
var tools = map[string]string{
	project.DriverNvidia: "for NVIDIA with `nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`",
	project.DriverAMD:    "for AMD with `amd-ctk cdi generate --output=/etc/cdi/amd.json`",
}

// kind returns "vendor.com/class" of the devices that a driver stands for: by
// Docker's rule, NVIDIA's where there are any and no driver is named.
func (r registry) kind(q project.DeviceRequest) (string, error) {
	if q.Driver == project.DriverCDI {
		return "", nil
	}
	drivers := []string{project.DriverNvidia, project.DriverAMD}
	if q.Driver != "" {
		drivers = []string{q.Driver}
	}
	var how []string
	for _, driver := range drivers {
		kind := gpus[driver]
		if slices.ContainsFunc(r.devices, func(name string) bool { return strings.HasPrefix(name, kind+"=") }) {
			return kind, nil
		}
		how = append(how, tools[driver])
	}
	return "", fmt.Errorf("%s: no CDI specification of a %s in %s: install the driver and make one, %s%s",
		q.Attribute, strings.TrimSpace(strings.ToUpper(q.Driver)+" GPU"), strings.Join(r.dirs, ", "), strings.Join(how, ", "), r.trouble())
}

// has returns an error when there is no device of the name.
func (r registry) has(attribute, name string) error {
	if slices.Contains(r.devices, name) {
		return nil
	}
	kind, _, _ := strings.Cut(name, "=")
	vendor, _, _ := strings.Cut(kind, "/")
	near := map[string]bool{}
	for _, d := range r.devices {
		if strings.HasPrefix(d, vendor+"/") {
			near[d] = true
		}
	}
	there := "there is none of " + vendor + ": install its driver, and have its tool make them"
	if len(near) > 0 {
		there = "there are " + strings.Join(slices.Sorted(maps.Keys(near)), ", ")
	}
	return fmt.Errorf("%s: no device %s in the CDI specifications in %s: %s%s", attribute, name, strings.Join(r.dirs, ", "), there, r.trouble())
}

// trouble tells of specifications that cannot be read, which may have it.
func (r registry) trouble() string {
	if len(r.broken) == 0 {
		return ""
	}
	return " (and some are broken: " + strings.Join(r.broken, "; ") + ")"
}
