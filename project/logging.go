package project

import (
	"bytes"
	"encoding/json"
	"strings"
	"text/template"
)

// Drivers of logs, under Docker's names. What containers print is kept for `logs`
// whatever the driver but LogNone; those after LogNone send it somewhere beside.
const (
	LogJSONFile = "json-file"
	LogLocal    = "local"
	LogNone     = "none"
	LogJournald = "journald"
	LogSyslog   = "syslog"
	LogFluentd  = "fluentd"
)

// Logging says what happens to a container's output.
type Logging struct {
	Driver   string `json:"driver"`
	MaxSize  int64  `json:"maxSize,omitempty"`  // bytes a file
	MaxFiles int    `json:"maxFiles,omitempty"` // the one written included
	// NotKept: it is only sent, by a driver that does.
	NotKept bool `json:"notKept,omitempty"`
	// Options are those of a driver that sends it, by Docker's names, as they were
	// written.
	Options map[string]string `json:"options,omitempty"`
}

// Kept tells whether there is anything to read afterwards.
func (l Logging) Kept() bool { return l.Driver != LogNone && !l.NotKept }

// LogTag is what the template of a log driver's tag can refer to, by Docker's
// names.
type LogTag struct {
	ContainerID         string
	ContainerName       string // with a slash before it, as Docker has it
	ContainerImageID    string
	ContainerImageName  string
	ContainerEntrypoint string
	ContainerArgs       []string
	ContainerEnv        []string
	ContainerLabels     map[string]string
	Config              map[string]string // the driver's options
	DaemonName          string
}

// ID and FullID are the container's identifier; there is only one.
func (t LogTag) ID() string     { return t.ContainerID }
func (t LogTag) FullID() string { return t.ContainerID }

// Name is the container's name.
func (t LogTag) Name() string { return strings.TrimPrefix(t.ContainerName, "/") }

// ImageID has 12 digits, ImageFullID all.
func (t LogTag) ImageID() string {
	_, digits, _ := strings.Cut(t.ContainerImageID, ":")
	return digits[:min(12, len(digits))]
}
func (t LogTag) ImageFullID() string { return t.ContainerImageID }
func (t LogTag) ImageName() string   { return t.ContainerImageName }

// Command is what is run, in one line.
func (t LogTag) Command() string {
	return strings.Join(append([]string{t.ContainerEntrypoint}, t.ContainerArgs...), " ")
}

// Render returns the tag that a template makes.
func (t LogTag) Render(text string) (string, error) {
	tmpl, err := template.New("tag").Option("missingkey=zero").Funcs(template.FuncMap{
		"join": strings.Join, "split": strings.Split, "lower": strings.ToLower, "upper": strings.ToUpper,
		"json": func(v any) (string, error) {
			b, err := json.Marshal(v)
			return string(b), err
		},
		"truncate": func(s string, n int) string { return s[:max(0, min(n, len(s)))] },
	}).Parse(text)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = tmpl.Execute(&b, t)
	return b.String(), err
}

// SyslogFacilities are the names of syslog's facilities, in the order of their
// numbers; those without a name are empty.
func SyslogFacilities() []string {
	return []string{
		"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "", "", "", "",
		"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
	}
}
