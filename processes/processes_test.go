package processes

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// The numbers of a process from its group on, as /proc/PID/stat has them.
const (
	before = " 10 10 34817 -1 4194560 1 2 3 4 "
	after  = " 5 6 20 0 1 0 360000 4096 100 18446744073709551615 0 0 0 0\n"
)

func proc(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestProcessesAreRead(t *testing.T) {
	root := proc(t, map[string]string{
		"stat":       "cpu 1 2\nbtime 1700000000\n",
		"10/stat":    "10 (a (b) c) S 7" + before + "6100 50" + after,
		"10/status":  "Name:\ta\nUid:\t1000\t0\t0\t0\n",
		"10/cmdline": "sh\x00-c\x00sleep 1\x00",
		"11/stat":    "11 (gone) Z 10" + strings.Replace(before, "34817", "0", 1) + "0 0" + after,
		"11/status":  "Uid:\t0\t33\t33\t33\n",
		"11/cmdline": "",
		"12/status":  "Uid:\t0\t33\t33\t33\n", // it ends while it is read
	})
	got, err := read(root, []int{10, 11, 12, 13})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Unix(1700003600, 0)
	want := []Process{
		{UID: 0, PID: 10, PPID: 7, Began: began, Used: 61500 * time.Millisecond, TTY: "pts/1", Command: "sh -c sleep 1"},
		{UID: 33, PID: 11, PPID: 10, Began: began, TTY: "?", Command: "[gone] <defunct>"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestThisProcessIsRead(t *testing.T) {
	all, err := Read([]int{os.Getpid()})
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	p := all[0]
	age := time.Since(p.Began)
	if p.PID != os.Getpid() || p.PPID != os.Getppid() || p.UID != os.Geteuid() || age < -time.Minute || age > time.Hour {
		t.Errorf("%+v, %v old", p, age)
	}
}

func TestWhatIsNoProcessIsAnError(t *testing.T) {
	for _, stat := range []string{"", "10", "10 (a) S 1", "10 (a S 7" + before + "1 2" + after, "10 (a) S x" + before + "1 2" + after} {
		if p, _, err := parseStat(stat, time.Time{}); err == nil {
			t.Errorf("%q is %+v", stat, p)
		}
	}
}

func TestColumnsOfPs(t *testing.T) {
	now := time.Date(2026, 3, 2, 0, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		age, used           time.Duration
		share               int
		startTime, consumed string
	}{
		{0, time.Second, 0, "00:30", "00:00:01"},
		{100 * time.Second, 25 * time.Second, 25, "00:28", "00:00:25"},
		{10 * time.Second, 70 * time.Second, 99, "00:29", "00:01:10"},
		{time.Hour, 0, 0, "Mar01", "00:00:00"},
		{80 * 24 * time.Hour, 51 * time.Hour, 2, "2025", "2-03:00:00"},
	} {
		p := Process{Began: now.Add(-c.age), Used: c.used}
		if share, start, used := p.Share(now), p.StartTime(now), p.CPUTime(); share != c.share || start != c.startTime || used != c.consumed {
			t.Errorf("%v old, %v used: %d %s %s, want %d %s %s", c.age, c.used, share, start, used, c.share, c.startTime, c.consumed)
		}
	}
}

func TestTerminals(t *testing.T) {
	for device, want := range map[uint64]string{
		0: "?", 34816: "pts/0", 34817: "pts/1", 137 << 8: "pts/256", 4<<8 | 1: "tty1", 4<<8 | 64: "ttyS0", 5 << 8: "?", 34816 | 1<<20: "pts/256",
	} {
		if got := tty(device); got != want {
			t.Errorf("%d is %s, want %s", device, got, want)
		}
	}
}
