package attach

import (
	"path/filepath"
	"testing"
)

// Of a client whose input is the container's own nothing else comes when it is killed.
func TestInputEndsWithTheClientThatOwnsIt(t *testing.T) {
	in := &pipeInput{path: filepath.Join(t.TempDir(), "fifo"), ended: make(chan struct{})}
	in.r = fifo(t, in.path)
	c := start(t, in)
	other, owner := c.dial(Options{}), c.dial(Options{EndsInput: true})
	other.Close()
	c.awaitClients(1)
	select {
	case <-in.ended:
		t.Fatal("another client has ended it")
	default:
	}
	owner.Close()
	<-in.ended
}
