package spec

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/gocompose/gocompose/project"
)

// defaultPath is Docker's PATH for images that set none.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// defaultOpenFiles is the nofile limit of containers that set none. Docker
// hands on the limit of its daemon, which differs from host to host; this is
// what its packages have set for the longest time.
const defaultOpenFiles = 1 << 20

// The size of a terminal that nobody looks at. Docker gives it none, 0 by 0,
// which programs divide by.
const (
	terminalWidth  = 80
	terminalHeight = 24
)

// args returns what to run, by Docker's rule: an entrypoint of the service
// drops the image's command, a command of the service replaces the image's.
func args(in Input) ([]string, error) {
	c := in.Container
	entrypoint, command := in.Image.Entrypoint, in.Image.Cmd
	if c.Entrypoint != nil {
		entrypoint, command = c.Entrypoint, nil
	}
	if c.Command != nil {
		command = c.Command
	}
	// ENTRYPOINT [""] is how Dockerfiles take an inherited entrypoint away.
	if len(entrypoint) == 1 && entrypoint[0] == "" {
		entrypoint = nil
	}
	all := slices.Concat(entrypoint, command)
	switch {
	case len(all) == 0:
		return nil, fmt.Errorf("no command: neither the service nor image %s gives one", c.Image)
	case all[0] == "":
		return nil, fmt.Errorf("command of service %s: the name of the program is empty", c.Service)
	case slices.ContainsFunc(all, hasNUL):
		return nil, errors.New("command: an argument contains a NUL byte")
	case !c.Init:
		return all, nil
	case in.InitBinary == "":
		return nil, errors.New("init: true: no init program is installed")
	}
	return append([]string{InitPath, "--"}, all...), nil
}

// environment lays the service's variables over the image's, and those over
// the ones that every container has. The image's keep their order, what the
// service adds is sorted.
func environment(in Input) ([]string, error) {
	c := in.Container
	base := []string{"PATH=" + defaultPath, "HOSTNAME=" + in.Hostname}
	if c.TTY {
		base = append(base, "TERM=xterm")
	}
	base = append(base, in.Image.Env...)
	values := maps.Clone(c.Env)
	if values == nil {
		values = map[string]string{}
	}
	var order []string
	seen := map[string]bool{}
	for i := len(base) - 1; i >= 0; i-- { // of equal names the last one counts
		name, value, _ := strings.Cut(base[i], "=")
		if name == "" || seen[name] {
			continue
		}
		seen[name] = true
		order = append(order, name)
		if _, ok := c.Env[name]; !ok {
			values[name] = value
		}
	}
	slices.Reverse(order)
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		if !seen[name] {
			order = append(order, name)
		}
	}
	env := make([]string, 0, len(order))
	for _, name := range order {
		if slices.Contains(c.UnsetEnv, name) {
			continue
		}
		if name == "" || strings.ContainsAny(name, "=\x00") || hasNUL(values[name]) {
			return nil, fmt.Errorf("environment: variable %q: the name is empty or has a '=', or something has a NUL byte", name)
		}
		env = append(env, name+"="+values[name])
	}
	return env, nil
}

func hasNUL(s string) bool { return strings.ContainsRune(s, 0) }

// rlimits returns the resource limits, with Docker's default for nofile; most
// are those that the host can give.
func rlimits(asked []project.Ulimit, most map[string]uint64) ([]specs.POSIXRlimit, error) {
	var limits []specs.POSIXRlimit
	given := false
	for _, u := range asked {
		if !slices.Contains(ulimitNames(), u.Name) {
			return nil, fmt.Errorf("ulimits: unknown limit %q: there are %s", u.Name, strings.Join(ulimitNames(), ", "))
		}
		soft, hard := limitValue(u.Soft), limitValue(u.Hard)
		if soft > hard {
			return nil, fmt.Errorf("ulimits.%s: the soft limit %d is above the hard limit %d", u.Name, u.Soft, u.Hard)
		}
		if most, limited := most[u.Name]; limited && hard > most {
			return nil, aboveMost(u, most)
		}
		given = given || u.Name == "nofile"
		limits = append(limits, specs.POSIXRlimit{Type: "RLIMIT_" + strings.ToUpper(u.Name), Soft: soft, Hard: hard})
	}
	if !given {
		nofile := uint64(defaultOpenFiles)
		if most, limited := most["nofile"]; limited {
			nofile = min(nofile, most)
		}
		limits = append(limits, specs.POSIXRlimit{Type: "RLIMIT_NOFILE", Soft: nofile, Hard: nofile})
	}
	return limits, nil
}

func aboveMost(u project.Ulimit, most uint64) error {
	asked := fmt.Sprint(u.Hard)
	if u.Hard < 0 {
		asked = "no limit"
	}
	raise := "run gocompose with a higher one"
	if u.Name == "nofile" {
		raise = "raise fs.nr_open with sysctl, and the limit that gocompose runs with"
	}
	return fmt.Errorf("ulimits.%s: this host gives %d at most, and %s is asked for: ask for less, or %s", u.Name, most, asked, raise)
}

// limitValue returns a limit as the kernel counts: all bits set is unlimited.
func limitValue(v int64) uint64 {
	if v < 0 {
		return math.MaxUint64
	}
	return uint64(v)
}

// ulimitNames are the limits of getrlimit(2).
func ulimitNames() []string {
	return []string{
		"as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice",
		"nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack",
	}
}
