//go:build live

package host_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor"
)

// BenchmarkSupervisor tells how much of a processor the supervisor of fifty
// containers needs, each checked each five seconds, over thirty seconds.
func BenchmarkSupervisor(b *testing.B) {
	w := open(b)
	for i := range 50 {
		c := w.container(fmt.Sprintf("web%d", i), forEver)
		c.Health = &project.Healthcheck{Test: []string{project.TestExec, "true"}, Interval: 5 * time.Second}
		w.up(b, c)
	}
	s := supervisor.NewClient(w.cfg.Paths)
	defer s.Close()
	status, err := s.Status(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	const span = 30 * time.Second
	before := processorTime(b, status.Pid)
	time.Sleep(span)
	used := processorTime(b, status.Pid) - before
	b.ReportMetric(100*used.Seconds()/span.Seconds(), "%core")
	b.ReportMetric(0, "ns/op")
}

// processorTime is what a process has used, of all its threads, in the kernel's
// ticks of 10 ms.
func processorTime(t testing.TB, pid int) time.Duration {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(data), ") ") // the name may have spaces
	fields := strings.Fields(after)
	var ticks int64
	for _, f := range fields[11:13] { // proc(5): utime and stime
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
