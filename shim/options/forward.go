package options

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Drivers that send lines somewhere beside keeping them, under Docker's names.
const (
	Journald = "journald"
	Syslog   = "syslog"
	Fluentd  = "fluentd"
)

// Forward says where lines are sent. Its zero value: nowhere.
type Forward struct {
	Driver string `json:"driver"`
	// Address is "unix:///dev/log", "unixgram:///…", "udp://host:514", "tcp://…" or
	// "tcp+tls://…". Empty: the host's own journal, or its own syslog.
	Address string `json:"address,omitempty"`
	Tag     string `json:"tag"`
	// Fields go with every line, by the receiver's names for them.
	Fields map[string]string `json:"fields,omitempty"`
	// Buffer is how many bytes of lines are kept while they cannot be sent.
	Buffer int64 `json:"buffer"`

	Facility int    `json:"facility,omitempty"` // of syslog
	Format   string `json:"format,omitempty"`   // of syslog: "", rfc3164, rfc5424, rfc5424micro
	TLS      TLS    `json:"tls,omitzero"`

	SubSecond bool `json:"subSecond,omitempty"` // fluentd is told nanoseconds
	Ack       bool `json:"ack,omitempty"`       // fluentd has to acknowledge
	// RetryWait is the first pause before another try, 0 a default; Retries how
	// often lines are tried again, 0 for ever.
	RetryWait    time.Duration `json:"retryWait,omitempty"`
	Retries      int           `json:"retries,omitempty"`
	WriteTimeout time.Duration `json:"writeTimeout,omitempty"` // 0: a default
	ReadTimeout  time.Duration `json:"readTimeout,omitempty"`  // of an acknowledgement; 0: a default
}

// TLS are files of PEM, and whether the server may be anybody.
type TLS struct {
	CA     string `json:"ca,omitempty"`
	Cert   string `json:"cert,omitempty"`
	Key    string `json:"key,omitempty"`
	Unsafe bool   `json:"unsafe,omitempty"`
}

// text is how it travels; "" is nowhere.
func (f Forward) text() string {
	if f.Driver == "" {
		return ""
	}
	b, _ := json.Marshal(f) // text and numbers
	return string(b)
}

func parseForward(text string) (f Forward, err error) {
	if text == "" {
		return f, nil
	}
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return f, fmt.Errorf("forward: %w", err)
	}
	switch {
	case !slices.Contains([]string{Journald, Syslog, Fluentd}, f.Driver):
		return f, fmt.Errorf("forward: there is no driver %q", f.Driver)
	case f.Buffer <= 0:
		return f, fmt.Errorf("forward: a buffer of %d bytes", f.Buffer)
	}
	return f, nil
}
