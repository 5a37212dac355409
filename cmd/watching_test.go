package cmd

import (
	"strings"
	"testing"
	"time"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/meter"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/processes"
	"github.com/gocompose/gocompose/project"
)

func TestProcessesHaveDockerComposesColumns(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.Local)
	names := func(uid int) string { return map[int]string{0: "root", 33: shortUserName("systemd-network")}[uid] }
	var b strings.Builder
	err := processTable([]running{
		{"multiple", 1, processes.Process{PID: 123, PPID: 1, Began: now.Add(-time.Hour), Used: 42 * time.Second, TTY: "?", Command: "/entrypoint"}},
		{"web", 12, processes.Process{UID: 33, PID: 4, PPID: 123, Began: now, TTY: "pts/0", Command: "sleep\tinfinity"}},
	}, now, names).Write(&b)
	if err != nil {
		t.Fatal(err)
	}
	const want = `SERVICE   #   UID       PID  PPID  C   STIME  TTY    TIME      CMD
multiple  1   root      123  1     1   11:00  ?      00:00:42  /entrypoint
web       12  systemd+  4    123   0   12:00  pts/0  00:00:00  sleep infinity
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestStatsHaveDockersForms(t *testing.T) {
	info := func(name string, s planner.State) host.Info {
		return host.Info{Container: planner.Container{ID: "shop-" + name + ".x", State: s, Spec: project.Container{Service: name}}, Name: "shop-" + name}
	}
	all := []measured{
		{Info: info("web-1", planner.StateRunning), cpu: 123.456, now: meter.Counters{
			Memory: 7<<20 + 1<<19, Limit: 2 << 30, Received: 1_500_000, Sent: 126, Read: 4096, Written: 12_345_678, Processes: 11,
		}},
		{Info: info("job-1", planner.StateExited), now: meter.Counters{Limit: 2 << 30}},
	}
	for _, c := range []struct {
		name string
		f    statsFlags
		want string
	}{
		{"table", statsFlags{format: "table"},
			`CONTAINER ID   NAME         CPU %     MEM USAGE / LIMIT   MEM %     NET I/O        BLOCK I/O        PIDS
shop-web-1.x   shop-web-1   123.46%   7.5MiB / 2GiB       0.37%     1.5MB / 126B   4.1kB / 12.3MB   11
`},
		{"all", statsFlags{format: "table {{.Name}}\\t{{.PIDs}}", all: true},
			"NAME         PIDS\nshop-web-1   11\nshop-job-1   0\n"},
		{"json", statsFlags{format: "json", all: true},
			`{"BlockIO":"4.1kB / 12.3MB","CPUPerc":"123.46%","Container":"shop-web-1.x","ID":"shop-web-1.x","MemPerc":"0.37%","MemUsage":"7.5MiB / 2GiB","Name":"shop-web-1","NetIO":"1.5MB / 126B","PIDs":"11"}
{"BlockIO":"0B / 0B","CPUPerc":"0.00%","Container":"shop-job-1.x","ID":"shop-job-1.x","MemPerc":"0.00%","MemUsage":"0B / 0B","Name":"shop-job-1","NetIO":"0B / 0B","PIDs":"0"}
`},
	} {
		r, err := listRows(c.f.format)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := statsTable().write(&b, c.f.stats(all), c.f.format, r); err != nil {
			t.Fatal(err)
		}
		if b.String() != c.want {
			t.Errorf("%s: got\n%swant\n%s", c.name, b.String(), c.want)
		}
	}
}
