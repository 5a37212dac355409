package loader

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/go-units"

	"github.com/gocompose/gocompose/project"
)

// Docker's bounds of its driver local (moby, daemon/logger/local).
const (
	localMaxSize  = 20 << 20
	localMaxFiles = 5
)

// logOption checks the value of one option of a log driver, and takes it over where
// it is not the driver's to read.
type logOption func(p place, value string, l *project.Logging)

// logging fills in the bounds that Docker leaves open, and checks the options of
// the driver as Docker does when a container is made.
func (p place) logging(l *types.LoggingConfig) project.Logging {
	out := project.Logging{Driver: project.LogJSONFile, MaxSize: project.DefaultLogMaxSize, MaxFiles: project.DefaultLogMaxFiles}
	if l == nil {
		return out
	}
	if l.Driver != "" {
		out.Driver = l.Driver
	}
	switch out.Driver {
	case project.LogNone:
		out = project.Logging{Driver: project.LogNone}
	case project.LogLocal:
		out.MaxSize, out.MaxFiles = localMaxSize, localMaxFiles
	}
	known, there := logOptions()[out.Driver]
	if !there {
		return out // refused elsewhere
	}
	for _, key := range slices.Sorted(maps.Keys(l.Options)) {
		at := p.in("options", key)
		check, ok := known[key]
		switch {
		case ok:
			check(at, l.Options[key], &out)
		case len(known) == 0:
			at.problem("the driver %s takes no options; remove it", out.Driver)
		default:
			at.problem("not supported yet: of %s's options, these are: %s", out.Driver, listed(known))
		}
	}
	p.in("options").together(&out)
	return out
}

func listed(known map[string]logOption) string {
	return strings.Join(slices.Sorted(maps.Keys(known)), ", ")
}

// together refuses options that need others.
func (p place) together(l *project.Logging) {
	_, cert := l.Options["syslog-tls-cert"]
	_, key := l.Options["syslog-tls-key"]
	if cert != key {
		p.problem("syslog-tls-cert and syslog-tls-key go together; set both, or none")
	}
	if l.NotKept {
		l.MaxSize, l.MaxFiles = 0, 0
	}
}

// logOptions are the options of each driver. One with its own name is refused or
// read here, the others at the start of the container.
func logOptions() map[string]map[string]logOption {
	kept := map[string]logOption{
		"max-size": logSize, "max-file": logFiles, "compress": noCompression, "mode": logMode,
	}
	sent := func(own map[string]logOption, more ...map[string]logOption) map[string]logOption {
		all := map[string]logOption{
			"tag": logTag, "mode": logMode, "max-buffer-size": positiveSize,
			"cache-disabled": notKept, "cache-max-size": logSize, "cache-max-file": logFiles, "cache-compress": noCompression,
		}
		for _, m := range append(more, own) {
			maps.Copy(all, m)
		}
		return all
	}
	extra := map[string]logOption{"labels": anyText, "env": anyText, "labels-regex": pattern, "env-regex": pattern}
	return map[string]map[string]logOption{
		project.LogJSONFile: kept,
		project.LogLocal:    kept,
		project.LogNone:     {},
		project.LogJournald: sent(extra),
		project.LogSyslog: sent(map[string]logOption{
			"syslog-address":         address("udp", "tcp", "tcp+tls", "unix", "unixgram"),
			"syslog-facility":        facility,
			"syslog-format":          logWord("rfc3164", "rfc5424", "rfc5424micro"),
			"syslog-tls-ca-cert":     absolute,
			"syslog-tls-cert":        absolute,
			"syslog-tls-key":         absolute,
			"syslog-tls-skip-verify": yesOrNo,
		}),
		project.LogFluentd: sent(map[string]logOption{
			"fluentd-address":              address("tcp", "tls", "unix"),
			"fluentd-async":                yesOrNo,
			"fluentd-buffer-limit":         positiveSize,
			"fluentd-max-retries":          count,
			"fluentd-request-ack":          yesOrNo,
			"fluentd-retry-wait":           duration,
			"fluentd-sub-second-precision": yesOrNo,
			"fluentd-write-timeout":        duration,
			"fluentd-read-timeout":         duration,
		}, extra),
	}
}

// keep has the driver read the option.
func keep(p place, value string, l *project.Logging) {
	if l.Options == nil {
		l.Options = map[string]string{}
	}
	l.Options[p.path[len(p.path)-1]] = value
}

func anyText(p place, value string, l *project.Logging) { keep(p, value, l) }

// logSize reads a size as Docker's json-file does, in powers of 1000.
func logSize(p place, value string, l *project.Logging) {
	n, err := units.FromHumanSize(value)
	if err != nil || n <= 0 {
		p.problem("%q is not a size like 10m", value)
	}
	l.MaxSize = n
}

func logFiles(p place, value string, l *project.Logging) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 {
		p.problem("%q is not a number of files, 1 or more", value)
	}
	l.MaxFiles = n
}

func noCompression(p place, value string, _ *project.Logging) {
	on, err := strconv.ParseBool(value)
	switch {
	case err != nil:
		p.problem("%q is neither true nor false", value)
	case on:
		p.problem("not supported yet: rotated files are not compressed; set max-size or max-file lower, or remove it")
	}
}

// logMode takes what is so anyway.
func logMode(p place, value string, _ *project.Logging) {
	switch value {
	case "non-blocking":
	case "blocking":
		p.problem("not supported: a container never waits for its log; remove it, and see max-buffer-size")
	default:
		p.problem("%q is not a mode; want non-blocking", value)
	}
}

func notKept(p place, value string, l *project.Logging) {
	off, err := strconv.ParseBool(value)
	if err != nil {
		p.problem("%q is neither true nor false", value)
	}
	l.NotKept = off
}

// logTag tries the template with what a container can be.
func logTag(p place, value string, l *project.Logging) {
	some := project.LogTag{
		ContainerID: "project-service-1.ID", ContainerName: "/project-service-1", ContainerImageID: "sha256:0123456789ab",
		ContainerImageName: "docker.io/library/image:tag", ContainerEntrypoint: "program", ContainerArgs: []string{"argument"},
	}
	if _, err := some.Render(value); err != nil {
		p.problem("%q is not a template like {{.Name}}: %v", value, err)
	}
	keep(p, value, l)
}

func pattern(p place, value string, l *project.Logging) {
	if _, err := regexp.Compile(value); err != nil {
		p.problem("%q is not a regular expression: %v", value, err)
	}
	keep(p, value, l)
}

func positiveSize(p place, value string, l *project.Logging) {
	if n, err := units.RAMInBytes(value); err != nil || n <= 0 {
		p.problem("%q is not a size like 4m", value)
	}
	keep(p, value, l)
}

func yesOrNo(p place, value string, l *project.Logging) {
	if _, err := strconv.ParseBool(value); err != nil {
		p.problem("%q is neither true nor false", value)
	}
	keep(p, value, l)
}

func count(p place, value string, l *project.Logging) {
	if n, err := strconv.Atoi(value); err != nil || n < 0 {
		p.problem("%q is not a number", value)
	}
	keep(p, value, l)
}

func duration(p place, value string, l *project.Logging) {
	if d, err := time.ParseDuration(value); err != nil || d < 0 {
		p.problem("%q is not a duration like 500ms or 2s", value)
	}
	keep(p, value, l)
}

func absolute(p place, value string, l *project.Logging) {
	if !filepath.IsAbs(value) {
		p.problem("%q is not an absolute path", value)
	}
	keep(p, value, l)
}

func logWord(words ...string) logOption {
	return func(p place, value string, l *project.Logging) {
		if !slices.Contains(words, value) {
			p.problem("%q is not one of %s", value, strings.Join(words, ", "))
		}
		keep(p, value, l)
	}
}

// facility takes the names and numbers of syslog(3).
func facility(p place, value string, l *project.Logging) {
	if n, err := strconv.Atoi(value); (err != nil || n < 0 || n > 23) && !slices.Contains(project.SyslogFacilities(), value) {
		p.problem("%q is not a facility; want a number to 23, or one of %s", value, strings.Join(slices.DeleteFunc(project.SyslogFacilities(),
			func(s string) bool { return s == "" }), ", "))
	}
	keep(p, value, l)
}

// address takes URLs of these schemes.
func address(schemes ...string) logOption {
	return func(p place, value string, l *project.Logging) {
		if err := checkAddress(value, schemes); err != nil {
			p.problem("%q is not an address like %s://…: %v", value, strings.Join(schemes, "://…, "), err)
		}
		keep(p, value, l)
	}
}

func checkAddress(value string, schemes []string) error {
	scheme, rest, ok := strings.Cut(value, "://")
	u, err := url.Parse(value)
	switch {
	case !ok && slices.Contains(schemes, "tls"): // of fluentd, HOST:PORT alone will do
		_, _, err := net.SplitHostPort(value + ":0")
		if err != nil {
			_, _, err = net.SplitHostPort(value)
		}
		return err
	case err != nil:
		return err
	case !slices.Contains(schemes, scheme):
		return fmt.Errorf("it begins with %q", scheme)
	case strings.HasPrefix(scheme, "unix") && !filepath.IsAbs(rest):
		return fmt.Errorf("%q is not an absolute path", rest)
	case !strings.HasPrefix(scheme, "unix") && (u.Hostname() == "" || u.Path != ""):
		return fmt.Errorf("want HOST, or HOST:PORT")
	}
	return nil
}
