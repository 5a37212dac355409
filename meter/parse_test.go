package meter

import (
	"io/fs"
	"os"
	"testing"
)

func TestNumbersOfFiles(t *testing.T) {
	const stat = "cache 1\ninactive_file 4096\ntotal_inactive_file 8192\n"
	for _, c := range []struct {
		what      string
		got, want uint64
	}{
		{"a number", number("12\n"), 12},
		{"max", number("max\n"), 0},
		{"no limit of version 1", lowest(number("9223372036854771712\n"), 1<<30), 1 << 30},
		{"no limit of version 2", lowest(number("max\n"), 1<<30), 1 << 30},
		{"a limit", lowest(1<<20, 1<<30), 1 << 20},
		{"nothing known", lowest(0, 0), 0},
		{"a name that ends another", valueOf(stat, "inactive_file"), 4096},
		{"a longer name", valueOf(stat, "total_inactive_file"), 8192},
		{"a name that is not there", valueOf(stat, "file"), 0},
		{"memory", withoutCache(100, 30), 70},
		{"more cache than memory", withoutCache(100, 130), 100},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.what, c.got, c.want)
		}
	}
}

func TestBytesOfDisksAndLinks(t *testing.T) {
	for _, c := range []struct {
		what    string
		parse   func(string) (uint64, uint64)
		text    string
		in, out uint64
	}{
		{"version 1", serviceBytes, "8:0 Read 4096\n8:0 Write 512\n8:0 Sync 4608\n8:16 Read 1\n8:0 Total 4608\nTotal 4609\n", 4097, 512},
		{"version 2", ioStat, "8:0 rbytes=4096 wbytes=512 rios=1 wios=1 dbytes=0 dios=0\n8:16 rbytes=1 wbytes=2\n253:0 \n", 4097, 514},
		{"links", linkBytes, `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     999      9    0    0    0     0          0         0      999      9    0    0    0     0       0          0
  eth0:    1500     10    0    0    0     0          0         0      700      8    0    0    0     0       0          0
  eth1:12345678     1    0    0    0     0          0         0        1      1    0    0    0     0       0          0
`, 12347178, 701},
		{"nothing", linkBytes, "", 0, 0},
	} {
		if in, out := c.parse(c.text); in != c.in || out != c.out {
			t.Errorf("%s: %d and %d, want %d and %d", c.what, in, out, c.in, c.out)
		}
	}
}

// The files of the test's own cgroup tell something, whichever version this host
// has.
func TestThisHostIsMeasured(t *testing.T) {
	m, err := New()
	if err != nil {
		t.Fatal(err)
	}
	if len(m.groups.Controllers()) == 0 {
		t.Skip("no cgroups here")
	}
	c, err := m.Read("/", os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if c.Limit == 0 || c.At.IsZero() || c.Received+c.Sent != 0 { // its namespace is ours
		t.Errorf("%+v", c)
	}
	gone, err := m.Read("/gocompose-no-such-group", 0)
	if err != nil || gone.CPU != 0 || gone.Memory != 0 || gone.Processes != 0 {
		t.Errorf("of one that is not there: %+v, %v", gone, err)
	}
}

// group are the files of a cgroup.
type group struct {
	unified bool
	files   map[string]string // by CONTROLLER/FILE
}

func (g group) Unified(string) bool { return g.unified }

func (g group) Read(controller, file string) (string, error) {
	text, ok := g.files[controller+"/"+file]
	if !ok {
		return "", fs.ErrNotExist
	}
	return text, nil
}

func TestFilesOfBothVersionsAreRead(t *testing.T) {
	want := Counters{CPU: 2500e6, Memory: 600, Limit: 5000, Read: 10, Written: 20, Processes: 3}
	for version, g := range map[int]group{
		1: {false, map[string]string{
			"cpuacct/cpuacct.usage": "2500000000\n", "memory/memory.usage_in_bytes": "1000\n",
			"memory/memory.limit_in_bytes": "9223372036854771712\n", "memory/memory.stat": "inactive_file 1\ntotal_inactive_file 400\n",
			"pids/pids.current": "3\n", "blkio/blkio.throttle.io_service_bytes": "8:0 Read 10\n8:0 Write 20\n",
		}},
		2: {true, map[string]string{
			"cpu/cpu.stat": "usage_usec 2500000\nuser_usec 1\n", "memory/memory.current": "1000\n", "memory/memory.max": "max\n",
			"memory/memory.stat": "inactive_file 400\n", "pids/pids.current": "3\n", "io/io.stat": "8:0 rbytes=10 wbytes=20\n",
		}},
	} {
		got, err := Meter{memory: 5000}.read(g, 0)
		got.At = want.At
		if err != nil || got != want {
			t.Errorf("version %d: %+v, %v, want %+v", version, got, err, want)
		}
	}
}
