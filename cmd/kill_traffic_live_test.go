//go:build live

package cmd_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gocompose/gocompose/networks/netns"
)

// traffic is the HTTP client of the stack, beside its writer and its logger.
type traffic struct {
	end  chan struct{}
	done sync.WaitGroup

	mu       sync.Mutex
	requests int
	failed   []failedRequest
	excused  []span
}

type span struct{ from, to time.Time }

type failedRequest struct {
	span
	err error
}

// startTraffic asks web again and again through its published port.
func (k *killing) startTraffic() *traffic {
	l := &traffic{end: make(chan struct{})}
	l.done.Go(func() {
		for {
			began := time.Now()
			_, err := get("http://127.0.0.1:" + k.port)
			l.note(span{began, time.Now()}, err)
			select {
			case <-l.end:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	k.t.Cleanup(l.stop)
	return l
}

func (l *traffic) note(when span, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests++
	if err != nil {
		l.failed = append(l.failed, failedRequest{when, err})
	}
}

// excuse forgives failures while web itself was down.
func (l *traffic) excuse(from, to time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.excused = append(l.excused, span{from, to})
}

func (l *traffic) stop() {
	l.mu.Lock()
	select {
	case <-l.end:
	default:
		close(l.end)
	}
	l.mu.Unlock()
	l.done.Wait()
}

// lost returns the requests that failed without an excuse.
func (l *traffic) lost() []failedRequest {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.failed), func(f failedRequest) bool {
		return slices.ContainsFunc(l.excused, func(e span) bool { return f.from.Before(e.to) && f.to.After(e.from) })
	})
}

// answered returns how long after a moment names are answered in a container.
func (k *killing) answered(since time.Time) time.Duration {
	k.t.Helper()
	ns := filepath.Join(k.paths.Netns(), k.id("steady"))
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (c net.Conn, err error) {
		err = netns.Do(ns, func() error {
			c, err = new(net.Dialer).DialContext(ctx, "udp4", "127.0.0.11:53")
			return err
		})
		return c, err
	}}
	k.eventually("names are answered", func() string {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_, err := resolver.LookupNetIP(ctx, "ip4", "steady.")
		return text(err)
	})
	return time.Since(since)
}

// checkLines compares what the logger has printed, in each of its runs, with
// what is in its log: none of it may be missing. A shim that is killed between
// writing a line and taking it out of the pipe leaves it to be written once more:
// that is counted. So is the end of a run that was killed together with its shim:
// with both, the pipe goes, and what was not read of it.
func (k *killing) checkLines() {
	k.must("stop", "logger")
	last := map[string]int{} // the last line of each run
	for _, line := range strings.Split(k.must("logs", "--no-log-prefix", "logger"), "\n") {
		var run string
		var n int
		if _, err := fmt.Sscanf(line, "line %s %d", &run, &n); err != nil {
			continue
		}
		switch {
		case n > last[run]+1:
			k.t.Errorf("logger's run %s: line %d after line %d", run, n, last[run])
		case n <= last[run]:
			k.repeated++
			continue
		}
		last[run] = n
		k.lines++
	}
	counts, err := filepath.Glob(filepath.Join(k.paths.Volumes(), "killed_counts", "_data", "*"))
	if err != nil || len(counts) == 0 {
		k.t.Fatalf("no counts: %v", err)
	}
	for _, path := range counts {
		data, err := os.ReadFile(path)
		if err != nil {
			k.t.Fatal(err)
		}
		// A kill between the opening of the file and the write leaves it empty.
		n, _ := strconv.Atoi(strings.TrimSpace(string(data)))
		missing := n - last[filepath.Base(path)]
		if missing > 0 && k.doomed > 0 {
			k.doomed, k.cut = k.doomed-1, k.cut+missing
		} else if missing > 0 {
			k.t.Errorf("logger's run %s printed %d lines, of which %d are in the log", filepath.Base(path), n, last[filepath.Base(path)])
		}
	}
}

// checkRows looks for what PostgreSQL has acknowledged.
func (k *killing) checkRows() {
	k.must("stop", "writer")
	k.must("up", "-d", "check")
	k.must("wait", "check")
	there := map[string]bool{}
	count := ""
	for _, id := range strings.Fields(k.must("--profile", "check", "logs", "--no-log-prefix", "check")) {
		if n, ok := strings.CutPrefix(id, "count="); ok {
			count = n
			continue
		}
		there[id] = true
	}
	if count != strconv.Itoa(len(there)) {
		k.t.Errorf("PostgreSQL has %s rows, of which %d are in the log", count, len(there))
	}
	for _, line := range strings.Split(k.must("logs", "--no-log-prefix", "-t", "writer"), "\n") {
		at, id, ok := strings.Cut(line, " ack ")
		if !ok {
			continue
		}
		if k.rows++; !there[id] {
			i, _ := slices.BinarySearch(k.history, at)
			k.t.Errorf("PostgreSQL acknowledged %s at %s and does not have it; around that time were killed:\n%s",
				id, at, strings.Join(k.history[max(0, i-5):min(len(k.history), i+5)], "\n"))
		}
	}
	if k.rows == 0 {
		k.t.Error("the writer wrote nothing")
	}
}

// figures prints what was seen so far.
func (k *killing) figures(on *traffic, rounds int) {
	lost := on.lost()
	for _, f := range lost {
		k.t.Errorf("a request at %s failed though web was not killed: %v", f.from.Format(time.StampMilli), f.err)
	}
	slices.Sort(k.names)
	var median, slowest time.Duration
	late := 0
	if n := len(k.names); n > 0 {
		median, slowest = k.names[n/2], k.names[n-1]
		for _, d := range k.names {
			if d > time.Second {
				late++
			}
		}
	}
	fmt.Printf("%d rounds: killed %v; %d requests, %d lost; names answered after %d ms (median), %d ms (slowest), %d later than 1 s; %d log lines, %d of them twice, %d missing of runs killed with their shim, %d rows\n",
		rounds, k.strikes, on.requests, len(lost), median.Milliseconds(), slowest.Milliseconds(), late, k.lines, k.repeated, k.cut, k.rows)
}

func unless(ok bool, problem string) string {
	if ok {
		return ""
	}
	return problem
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
