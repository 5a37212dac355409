package project

import (
	"cmp"
	"slices"
	"time"
)

// Docker's defaults of a health check (moby, daemon/health.go).
const (
	DefaultHealthInterval      = 30 * time.Second
	DefaultHealthTimeout       = 30 * time.Second
	DefaultHealthStartInterval = 5 * time.Second
	DefaultHealthRetries       = 3
)

// The first words of Healthcheck.Test.
const (
	TestNone  = "NONE"      // no check, whatever the image says
	TestExec  = "CMD"       // the rest are a program and its arguments
	TestShell = "CMD-SHELL" // the next word is a command for the shell (/bin/sh -c), the rest its $0, $1, …
)

// Healthcheck is what a service or an image says of how to tell whether a
// container works. What is zero is not said.
type Healthcheck struct {
	Test          []string      `json:"test,omitempty"`
	Interval      time.Duration `json:"interval,omitempty"`
	Timeout       time.Duration `json:"timeout,omitempty"`
	StartPeriod   time.Duration `json:"startPeriod,omitempty"`
	StartInterval time.Duration `json:"startInterval,omitempty"`
	Retries       int           `json:"retries,omitempty"`
}

// EffectiveHealthcheck lays the service's check over the image's, field by
// field, and Docker's defaults below both. It returns nil when there is nothing
// to check: no test, or one that is NONE. Both may be nil.
func EffectiveHealthcheck(service, image *Healthcheck) *Healthcheck {
	var own, base Healthcheck
	if service != nil {
		own = *service
	}
	if image != nil {
		base = *image
	}
	h := Healthcheck{
		Test:          slices.Clone(own.Test),
		Interval:      cmp.Or(own.Interval, base.Interval, DefaultHealthInterval),
		Timeout:       cmp.Or(own.Timeout, base.Timeout, DefaultHealthTimeout),
		StartPeriod:   cmp.Or(own.StartPeriod, base.StartPeriod),
		StartInterval: cmp.Or(own.StartInterval, base.StartInterval, DefaultHealthStartInterval),
		Retries:       cmp.Or(own.Retries, base.Retries, DefaultHealthRetries),
	}
	if len(h.Test) == 0 {
		h.Test = slices.Clone(base.Test)
	}
	if len(h.Test) == 0 || h.Test[0] == TestNone {
		return nil
	}
	return &h
}
