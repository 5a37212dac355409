package cmd

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/gocompose/gocompose/project/loader"
)

// watchSwitch has watching go on beside an up in the foreground, or not.
type watchSwitch struct {
	run func(context.Context) error // until ctx ends; nil: nothing is watched
	say func(string)

	going atomic.Bool

	mu   sync.Mutex
	stop func() // nil: it was not begun
}

// on has watching go on until off is called, or ctx ends.
func (s *watchSwitch) on(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == nil || s.isOn() {
		return
	}
	s.going.Store(true)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer s.going.Store(false)
		if err := s.run(ctx); err != nil && ctx.Err() == nil {
			s.say("watching has ended: " + err.Error())
		}
	}()
	s.stop = func() {
		cancel()
		<-done
	}
}

func (s *watchSwitch) off() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
}

func (s *watchSwitch) isOn() bool { return s.going.Load() }

func (s *watchSwitch) toggle(ctx context.Context) {
	if s.isOn() {
		s.off()
		s.say("Watch disabled")
		return
	}
	s.on(ctx)
}

// label says what toggle does, in docker compose's words.
func (s *watchSwitch) label() string {
	if s.isOn() {
		return "Disable Watch"
	}
	return "Enable Watch"
}

// watchBeside watches, beside an up of the services that did not ask for it, until
// ctx ends.
func (a *app) watchBeside(ctx context.Context, in watchSetting, services []string, load func(*loader.Options)) error {
	p, err := a.load(ctx, services, func(o *loader.Options) {
		load(o)
		o.Watch, o.Warn = true, nil // up has warned
	})
	if err != nil {
		return err
	}
	w, err := a.newWatching(p)
	if err != nil {
		return err
	}
	defer w.lock.Unlock()
	w.watchSetting = in
	return w.run(ctx)
}
