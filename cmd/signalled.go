package cmd

import (
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

// signalled says what signals are for: the zero value, or nil, that they are the
// user's wish to end the program; else they go to a process that it is connected
// with.
type signalled struct {
	to atomic.Pointer[chan os.Signal]
}

// take gives a signal to the process; false: there is none.
func (s *signalled) take(sig os.Signal) bool {
	if s == nil {
		return false
	}
	to := s.to.Load()
	if to == nil {
		return false
	}
	select {
	case *to <- sig:
	default: // it does not keep up with as many
	}
	return true
}

// passedOn are the signals that a process gets beside those that ask for the end of
// the program. What stops a program for a while stops gocompose alone.
func passedOn() []os.Signal {
	return []os.Signal{syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM}
}

// pass has signals passed on to send until the function that it returns is called.
func (s *signalled) pass(send func(syscall.Signal)) (stop func()) {
	caught := make(chan os.Signal, 16)
	signal.Notify(caught, passedOn()...)
	if s != nil {
		s.to.Store(&caught)
	}
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-over:
				return
			case sig := <-caught:
				send(sig.(syscall.Signal))
			}
		}
	}()
	return func() {
		signal.Stop(caught)
		if s != nil {
			s.to.Store(nil)
		}
		close(over)
		<-done
	}
}
