package host

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/shim/options"
)

const (
	// defaultTag is Docker's.
	defaultTag = "{{.ID}}"
	// defaultBuffer is Docker's size of what waits to be sent.
	defaultBuffer = 1 << 20
	// defaultFacility is Docker's, daemon.
	defaultFacility = 3
)

// storeDriver says how the shim keeps the output of a container.
func storeDriver(l project.Logging) string {
	if l.Kept() {
		return options.JSONFile
	}
	return options.None
}

// forward says where the container's output is sent, beside being kept. All that a
// template or a pattern says is worked out here: the shim is told the result.
func forward(c containerd.Container) (options.Forward, error) {
	l := c.Record.Spec.Logging
	f := options.Forward{Driver: l.Driver, Buffer: size(l.Options["max-buffer-size"], defaultBuffer)}
	switch l.Driver {
	case project.LogJournald, project.LogSyslog, project.LogFluentd:
	default:
		return options.Forward{}, nil
	}
	template := l.Options["tag"]
	if template == "" {
		template = defaultTag
	}
	info := logTag(c)
	var err error
	if f.Tag, err = info.Render(template); err != nil {
		return f, fmt.Errorf("logging.options.tag: %w", err)
	}
	extra := extraFields(c.Record.Spec)
	switch l.Driver {
	case project.LogJournald:
		f.Fields = journalFields(info, f.Tag, extra)
	case project.LogSyslog:
		syslogOptions(&f, l.Options)
	case project.LogFluentd:
		f.Fields = map[string]string{"container_id": info.FullID(), "container_name": info.ContainerName}
		maps.Copy(f.Fields, extra)
		fluentdOptions(&f, l.Options)
	}
	return f, nil
}

// logTag is what the template of a tag can refer to.
func logTag(c containerd.Container) project.LogTag {
	s := c.Record.Spec
	t := project.LogTag{
		ContainerID: c.ID, ContainerName: "/" + s.Name, ContainerImageID: c.Record.ImageDigest, ContainerImageName: s.Image,
		ContainerLabels: logLabels(s), Config: s.Logging.Options, DaemonName: "gocompose",
	}
	for _, key := range slices.Sorted(maps.Keys(s.Env)) {
		t.ContainerEnv = append(t.ContainerEnv, key+"="+s.Env[key])
	}
	if args := c.Record.Args; len(args) > 0 {
		t.ContainerEntrypoint, t.ContainerArgs = args[0], args[1:]
	}
	return t
}

// logLabels are the labels that log drivers choose from: the user's, and those of
// Docker Compose by which logs are told apart.
func logLabels(c project.Container) map[string]string {
	all := map[string]string{
		"com.docker.compose.project": c.Project, "com.docker.compose.service": c.Service,
		"com.docker.compose.container-number": strconv.Itoa(c.Replica),
	}
	maps.Copy(all, c.Labels)
	return all
}

// extraFields are the labels and the service's variables that the options name.
func extraFields(c project.Container) map[string]string {
	out := map[string]string{}
	for _, from := range []struct {
		option string
		values map[string]string
	}{{"labels", logLabels(c)}, {"env", c.Env}} {
		for _, key := range strings.Split(c.Logging.Options[from.option], ",") {
			if value, there := from.values[key]; there {
				out[key] = value
			}
		}
		pattern, err := regexp.Compile(c.Logging.Options[from.option+"-regex"])
		if err != nil || pattern.String() == "" {
			continue // the loader has compiled it
		}
		for key, value := range from.values {
			if pattern.MatchString(key) {
				out[key] = value
			}
		}
	}
	return out
}

// journalFields are those that Docker writes.
func journalFields(info project.LogTag, tag string, extra map[string]string) map[string]string {
	out := map[string]string{}
	for key, value := range extra {
		if name := journalName(key); name != "" {
			out[name] = value
		}
	}
	maps.Copy(out, map[string]string{
		"CONTAINER_ID": info.ID(), "CONTAINER_ID_FULL": info.FullID(), "CONTAINER_NAME": info.Name(),
		"CONTAINER_TAG": tag, "IMAGE_NAME": info.ImageName(), "SYSLOG_IDENTIFIER": tag,
	})
	return out
}

// journalName makes a name that the journal takes: capitals, digits and
// underscores, of which none is the first.
func journalName(key string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, key)
	return strings.TrimLeft(name, "_0123456789")
}

func syslogOptions(f *options.Forward, o map[string]string) {
	f.Address, f.Format, f.Facility = o["syslog-address"], o["syslog-format"], defaultFacility
	if i := slices.Index(project.SyslogFacilities(), o["syslog-facility"]); i >= 0 && o["syslog-facility"] != "" {
		f.Facility = i
	} else if n, err := strconv.Atoi(o["syslog-facility"]); err == nil {
		f.Facility = n
	}
	f.TLS = options.TLS{
		CA: o["syslog-tls-ca-cert"], Cert: o["syslog-tls-cert"], Key: o["syslog-tls-key"], Unsafe: yes(o["syslog-tls-skip-verify"]),
	}
}

func fluentdOptions(f *options.Forward, o map[string]string) {
	f.Address = o["fluentd-address"]
	if f.Address != "" && !strings.Contains(f.Address, "://") {
		f.Address = "tcp://" + f.Address
	}
	f.Buffer = size(o["fluentd-buffer-limit"], f.Buffer)
	f.SubSecond, f.Ack = yes(o["fluentd-sub-second-precision"]), yes(o["fluentd-request-ack"])
	f.Retries, _ = strconv.Atoi(o["fluentd-max-retries"])
	f.RetryWait, f.WriteTimeout, f.ReadTimeout = wait(o["fluentd-retry-wait"]), wait(o["fluentd-write-timeout"]), wait(o["fluentd-read-timeout"])
}

// The loader has checked the texts that these read.

func yes(text string) bool {
	b, _ := strconv.ParseBool(text)
	return b
}

func wait(text string) time.Duration {
	d, _ := time.ParseDuration(text)
	return d
}

func size(text string, other int64) int64 {
	if n, err := units.RAMInBytes(text); err == nil && n > 0 {
		return n
	}
	return other
}
