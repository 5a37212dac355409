package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/meter"
)

// measured is a container and what it uses.
type measured struct {
	host.Info
	now meter.Counters
	cpu float64 // percent of one processor since it was measured last
}

// measure measures the containers of services time and again.
type measure struct {
	look   *looking
	meter  meter.Meter
	before map[string]meter.Counters // by container
}

func (a *app) measure(ctx context.Context, services []string) (*measure, error) {
	look, err := a.looking(ctx, services)
	if err != nil {
		return nil, err
	}
	on, err := meter.New()
	if err != nil {
		return nil, errors.Join(err, look.close())
	}
	return &measure{look, on, nil}, nil
}

func (m *measure) close() { _ = m.look.close() }

// next measures all containers that there are now.
func (m *measure) next(ctx context.Context) ([]measured, error) {
	infos, err := m.look.now(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]measured, len(infos))
	before := m.before
	m.before = map[string]meter.Counters{}
	for i, info := range infos {
		all[i].Info = info
		if !hasProcess(info) {
			continue
		}
		c, err := m.meter.Read(host.CgroupOf(m.look.paths, info.ID, info.Spec), info.Pid)
		if err != nil {
			return nil, fmt.Errorf("measuring container %s: %w", info.Name, err)
		}
		all[i].now, all[i].cpu = c, meter.CPU(before[info.ID], c)
		m.before[info.ID] = c
	}
	return all, nil
}
