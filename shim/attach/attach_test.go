package attach

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gocompose/gocompose/logs"
)

// pipeInput is standard input that is a pipe; nil: there is none.
type pipeInput struct {
	r     *os.File
	path  string
	ended chan struct{}
}

func (p *pipeInput) Open() (InputWriter, error) {
	if p.r == nil {
		return nil, fs.ErrNotExist
	}
	return os.OpenFile(p.path, os.O_WRONLY, 0)
}

func (p *pipeInput) End() { close(p.ended) }

// container is what prints, and a server of it.
type container struct {
	*Server
	t     *testing.T
	input *pipeInput
	path  string
	print *io.PipeWriter
	log   bytes.Buffer // what has been acknowledged
	done  chan struct{}
}

// source is a reader that is told what is in the log.
type source struct {
	io.Reader
	last []byte
	log  *bytes.Buffer
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.last = append([]byte(nil), p[:n]...)
	return n, err
}

func (s *source) Ack(n int) error {
	s.log.Write(s.last[:n])
	return nil
}

func start(t *testing.T, in *pipeInput) *container {
	t.Helper()
	c := &container{t: t, input: in, path: filepath.Join(t.TempDir(), strings.Repeat("long", 25), "socket"), done: make(chan struct{})}
	s, err := Listen(c.path, in)
	if err != nil {
		t.Fatal(err)
	}
	c.Server = s
	r, w := io.Pipe()
	c.print = w
	tee := s.Tee(logs.Stdout, &source{Reader: r, log: &c.log})
	go func() {
		defer close(c.done)
		buf := make([]byte, 64<<10)
		for {
			n, err := tee.Read(buf)
			if err != nil {
				return
			}
			if err := tee.Ack(n); err != nil {
				t.Error(err)
			}
		}
	}()
	t.Cleanup(func() {
		w.Close()
		s.Hurry()
		if err := s.Withdraw(); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		s.Close(ctx)
		<-c.done
	})
	return c
}

// end has the container end with a code.
func (c *container) end(code int) {
	c.print.Close()
	<-c.done
	c.Exited(code)
}

func (c *container) dial(o Options) *Client {
	c.t.Helper()
	client, err := Dial(c.t.Context(), c.path, o)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { client.Close() })
	return client
}

func TestAllClientsGetWhatIsPrintedAndTheExitCode(t *testing.T) {
	c := start(t, &pipeInput{})
	info, err := os.Stat(c.path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", info.Mode(), err)
	}
	clients := []*Client{c.dial(Options{}), c.dial(Options{Patient: true}), c.dial(Options{})}
	io.WriteString(c.print, "a prompt without an end> ")
	c.publish(logs.Stderr, []byte("an error"))
	c.end(137)
	for _, client := range clients {
		var out, errs bytes.Buffer
		code, err := client.Output(&out, &errs)
		if code != 137 || err != nil || out.String() != "a prompt without an end> " || errs.String() != "an error" {
			t.Errorf("exit code %d, %v, %q, %q", code, err, out.String(), errs.String())
		}
	}
	late := c.dial(Options{})
	if code, err := late.Output(io.Discard, io.Discard); code != 137 || err != nil {
		t.Errorf("who comes late: %d, %v", code, err)
	}
}

func TestInputOfAllClientsArrivesAndCanEnd(t *testing.T) {
	dir := t.TempDir()
	in := &pipeInput{path: filepath.Join(dir, "fifo"), ended: make(chan struct{})}
	r := fifo(t, in.path)
	in.r = r
	c := start(t, in)
	first, second := c.dial(Options{}), c.dial(Options{})
	buf := make([]byte, 6)
	for i, client := range []*Client{first, second, first} {
		text := []string{"first ", "second", "again "}[i]
		if _, err := client.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, buf); string(buf) != text || err != nil {
			t.Fatalf("read %q, %v", buf, err)
		}
	}
	if err := second.EndInput(); err != nil {
		t.Fatal(err)
	}
	<-in.ended
}

func TestInputOfAnySizeArrivesWhole(t *testing.T) {
	in := &pipeInput{path: filepath.Join(t.TempDir(), "fifo"), ended: make(chan struct{})}
	in.r = fifo(t, in.path)
	c := start(t, in)
	sent := make([]byte, 3<<20)
	for i := range sent {
		sent[i] = byte(rand.Uint32())
	}
	client := c.dial(Options{})
	var writing sync.WaitGroup
	defer writing.Wait()
	writing.Go(func() {
		if n, err := client.Write(sent); n != len(sent) || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
	})
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(in.r, got); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("what arrives is another: %v", err)
	}
}

// A client that leaves while the container does not read is not kept.
func TestAClientThatLeavesIsForgottenThoughNobodyReads(t *testing.T) {
	in := &pipeInput{path: filepath.Join(t.TempDir(), "fifo"), ended: make(chan struct{})}
	in.r = fifo(t, in.path)
	c := start(t, in)
	client := c.dial(Options{})
	go client.Write(make([]byte, 10<<20)) // ends with the connection
	full := make([]byte, 1)
	if _, err := io.ReadFull(in.r, full); err != nil { // something has arrived
		t.Fatal(err)
	}
	client.Close()
	c.awaitClients(0)
}

func (c *container) awaitClients(n int) {
	c.t.Helper()
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		c.mu.Lock()
		have := len(c.clients)
		c.mu.Unlock()
		if have == n {
			return
		}
		if time.Now().After(until) {
			c.t.Fatalf("%d clients, want %d", have, n)
		}
	}
}

func TestWithoutInputWhatIsTypedIsThrownAway(t *testing.T) {
	c := start(t, &pipeInput{})
	client := c.dial(Options{})
	if _, err := client.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	c.end(0)
	if code, err := client.Output(io.Discard, io.Discard); code != 0 || err != nil {
		t.Error(code, err)
	}
}

// What prints goes on whatever a client does, and everything is in the log; the
// client gets the beginning, and is told that the rest is left out.
func TestAClientThatDoesNotReadIsCutOff(t *testing.T) {
	c := start(t, &pipeInput{})
	stalled := c.dial(Options{})
	printed := bytes.Repeat([]byte("0123456789abcdef"), 1<<18) // 4 MiB: more than queue and socket hold
	if _, err := c.print.Write(printed); err != nil {
		t.Fatal(err)
	}
	c.end(0)
	if !bytes.Equal(c.log.Bytes(), printed) {
		t.Error("not everything is in the log")
	}
	var out bytes.Buffer
	_, err := stalled.Output(&out, io.Discard)
	if !errors.Is(err, ErrCut) {
		t.Errorf("it is told %v", err)
	}
	if out.Len() < queueSize || !bytes.HasPrefix(printed, out.Bytes()) {
		t.Errorf("it got %d bytes, which are not the beginning", out.Len())
	}
}

func TestAPatientClientGetsEverything(t *testing.T) {
	c := start(t, &pipeInput{})
	client := c.dial(Options{Patient: true})
	printed := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
	var writing sync.WaitGroup
	defer writing.Wait()
	writing.Go(func() {
		if _, err := c.print.Write(printed); err != nil {
			t.Error(err)
		}
		c.end(3)
	})
	c.awaitBehind()
	if !c.Patient() {
		t.Error("nobody is waited for")
	}
	var out bytes.Buffer
	code, err := client.Output(&out, io.Discard)
	if code != 3 || err != nil || !bytes.Equal(out.Bytes(), printed) {
		t.Errorf("exit code %d, %v, %d bytes", code, err, out.Len())
	}
}

func (c *container) awaitBehind() {
	for {
		c.mu.Lock()
		behind := c.behind()
		c.mu.Unlock()
		if behind {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// A patient client that is gone, or too late when the container is deleted, is not
// waited for.
func TestNobodyIsWaitedForForEver(t *testing.T) {
	for name, release := range map[string]func(*container, *Client){
		"the client is gone":       func(_ *container, client *Client) { client.Close() },
		"the container is deleted": func(c *container, _ *Client) { c.Hurry() },
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, &pipeInput{})
			client := c.dial(Options{Patient: true})
			var writing sync.WaitGroup
			writing.Go(func() {
				if _, err := c.print.Write(make([]byte, 4<<20)); err != nil {
					t.Error(err)
				}
			})
			c.awaitBehind()
			release(c, client)
			writing.Wait()
		})
	}
}

func TestAShimThatIsKilledIsALoss(t *testing.T) {
	c := start(t, &pipeInput{})
	client := c.dial(Options{})
	c.mu.Lock()
	for one := range c.clients {
		one.conn.Close() // as the kernel does
	}
	c.mu.Unlock()
	if _, err := client.Output(io.Discard, io.Discard); !errors.Is(err, ErrLost) {
		t.Error(err)
	}
}

func TestNobodyListens(t *testing.T) {
	c := start(t, &pipeInput{})
	if err := c.Withdraw(); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), c.path, Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestThereAreSoManyClientsAtMost(t *testing.T) {
	c := start(t, &pipeInput{})
	for range maxClients {
		c.dial(Options{})
	}
	if _, err := Dial(t.Context(), c.path, Options{}); !errors.Is(err, ErrLost) {
		t.Errorf("one more: %v", err)
	}
}

func TestANilServerHasNobody(t *testing.T) {
	var s *Server
	r := &source{}
	if s.Tee(logs.Stdout, r) != logs.Acknowledger(r) || s.Patient() {
		t.Error("it has")
	}
	s.Hurry()
	s.Exited(1)
	s.Close(t.Context())
	if err := s.Withdraw(); err != nil {
		t.Error(err)
	}
}
