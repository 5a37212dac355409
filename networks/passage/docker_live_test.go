//go:build live

package passage

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// docker is a Docker Engine on the host of a test.
type docker struct {
	h      *host
	dir    string
	path   string // of its programs
	daemon *exec.Cmd
	log    *bytes.Buffer
	client http.Client
}

// newDocker returns an engine, not started, that uses the given variant of
// iptables.
func newDocker(h *host, variant string) *docker {
	d := &docker{h: h, dir: filepath.Join(os.Getenv(bedVar), "docker")}
	bin := filepath.Join(d.dir, "bin")
	must(h.t, os.MkdirAll(bin, 0o700))
	h.t.Cleanup(func() { must(h.t, os.RemoveAll(d.dir)) })
	for _, program := range []string{"iptables", "ip6tables"} {
		real, err := exec.LookPath(program + "-" + variant)
		must(h.t, err)
		must(h.t, os.Symlink(real, filepath.Join(bin, program)))
	}
	// Its own containerd, not another one that is in the way.
	d.path = bin + ":/usr/sbin:/usr/bin:/sbin:/bin"
	d.client.Transport = &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(d.dir, "sock"))
	}}
	return d
}

func (d *docker) start() {
	h := d.h
	h.t.Helper()
	d.log = new(bytes.Buffer)
	d.daemon = exec.Command("/usr/sbin/dockerd",
		"--data-root", filepath.Join(d.dir, "data"), "--exec-root", filepath.Join(d.dir, "exec"),
		"--pidfile", filepath.Join(d.dir, "pid"), "--host", "unix://"+filepath.Join(d.dir, "sock"),
		"--storage-driver", "vfs", "--cgroup-parent", cgroup(os.Getenv(bedVar)))
	d.daemon.Env = []string{"PATH=" + d.path}
	d.daemon.Stdout, d.daemon.Stderr = d.log, d.log
	must(h.t, d.daemon.Start())
	eventuallyIn(h.t, time.Minute, "dockerd answers", func() bool {
		r, err := d.client.Get("http://docker/_ping")
		if err == nil {
			r.Body.Close()
		}
		return err == nil && r.StatusCode == http.StatusOK
	})
}

// stop ends the engine and its containers, and checks that no process is left.
func (d *docker) stop() {
	must(d.h.t, d.daemon.Process.Signal(unix.SIGTERM))
	if err := d.daemon.Wait(); err != nil {
		d.h.t.Errorf("dockerd: %v\n%s", err, d.log)
	}
	eventuallyIn(d.h.t, time.Minute, "all processes have ended", func() bool {
		_, _ = unix.Wait4(-1, nil, unix.WNOHANG, nil) // this one is their init
		left, err := filepath.Glob("/proc/[0-9]*")
		return err == nil && len(left) == 1
	})
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	must(d.h.t, err)
	for l := range strings.Lines(string(mounts)) {
		if at := strings.Fields(l)[4]; strings.HasPrefix(at, d.dir) {
			must(d.h.t, unix.Unmount(at, unix.MNT_DETACH))
		}
	}
}

// call asks the engine for something, and decodes what it answers.
func (d *docker) call(method, path string, body io.Reader, answer any) {
	d.h.t.Helper()
	req, err := http.NewRequest(method, "http://docker/v1.41"+path, body)
	must(d.h.t, err)
	req.Header.Set("Content-Type", "application/json")
	r, err := d.client.Do(req)
	must(d.h.t, err)
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	must(d.h.t, err)
	if r.StatusCode >= 300 {
		d.h.t.Fatalf("%s %s: %s: %s\n%s", method, path, r.Status, b, d.log)
	}
	if answer != nil {
		must(d.h.t, json.Unmarshal(b, answer))
	}
}

func (d *docker) load() {
	bin, err := os.ReadFile("/bin/busybox")
	must(d.h.t, err)
	var image bytes.Buffer
	w := tar.NewWriter(&image)
	must(d.h.t, w.WriteHeader(&tar.Header{Name: "busybox", Mode: 0o755, Size: int64(len(bin))}))
	_, err = w.Write(bin)
	must(d.h.t, err)
	must(d.h.t, w.Close())
	d.call("POST", "/images/create?fromSrc=-&repo=busybox", &image, nil)
}

// hidden is a port that Docker's containers do not publish.
const hidden = 8081

// container is one of Docker's.
type container struct{ ns, ip, published string }

func (d *docker) create(name, network string, published int) {
	d.call("POST", "/containers/create?name="+name, strings.NewReader(fmt.Sprintf(`{
		"Image": "busybox", "Cmd": ["/busybox", "sleep", "1000"], "StopSignal": "SIGKILL", "ExposedPorts": {"%d/tcp": {}},
		"HostConfig": {"NetworkMode": %q, "PortBindings": {"%d/tcp": [{"HostPort": "%d"}]}}
	}`, port, network, port, published)), nil)
}

// run starts the container, with a server at each of its ports.
func (d *docker) run(name string, published int) container {
	d.call("POST", "/containers/"+name+"/start", nil, nil)
	var is struct {
		State           struct{ Pid int }
		NetworkSettings struct {
			Networks map[string]struct{ IPAddress string }
		}
	}
	d.call("GET", "/containers/"+name+"/json", nil, &is)
	c := container{ns: fmt.Sprintf("/proc/%d/ns/net", is.State.Pid), published: "10.99.0.1:" + strconv.Itoa(published)}
	for _, n := range is.NetworkSettings.Networks {
		c.ip = n.IPAddress
	}
	for _, p := range []int{port, hidden} {
		d.h.serve(c.ns, fmt.Sprintf(":%d", p))
	}
	return c
}

// works checks that ours and Docker's containers work beside each other.
func (d *docker) works(cs ...container) {
	h := d.h
	h.t.Helper()
	h.allPass()
	for _, c := range cs {
		for _, way := range [][2]string{{"lan", c.published}, {c.ns, at(lanIP)}, {"first", c.published}} {
			if _, err := h.ask(way[0], way[1], patience); err != nil {
				h.t.Errorf("from %s to %s nothing passes: %v", way[0], way[1], err)
			}
		}
		for _, from := range []string{"first", "other", "lan"} {
			h.blocked(from, net.JoinHostPort(c.ip, fmt.Sprint(hidden)))
		}
		for _, ip := range []string{firstIP, otherIP} {
			h.blocked(c.ns, at(ip))
		}
	}
}

// ourTable is what ours decides here, shortened.
const ourTable = `table inet gocompose { chain forward {
	type filter hook forward priority 0; policy accept
	oifname "gc-*" ct state established,related accept
	oifname "gc-*" iifname { "docker0", "br-docker" } drop
}; }`

const (
	port1, port2 = 8001, 8002
	network      = `{"Name": "second", "Options": {"com.docker.network.bridge.name": "br-docker"}}`
)

func eachDocker(t *testing.T, test func(d *docker, variant string)) {
	for _, variant := range []string{"nft", "legacy"} {
		t.Run(variant, func(t *testing.T) {
			h := newHost(t)
			h.nft(ourTable)
			// Docker denies what it forwards where it was the one that began to.
			must(t, os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("0"), 0o644))
			test(newDocker(h, variant), variant)
		})
	}
}

// docked is the whole ruleset, without ours.
func (d *docker) docked(variant string) (rules string, forward string) {
	is := counts.ReplaceAllString(d.h.run("iptables-"+variant+"-save"), "")
	for l := range strings.Lines(is) {
		if strings.HasPrefix(l, "-A FORWARD ") {
			forward += l
		}
		if !strings.Contains(l, chainName) {
			rules += l
		}
	}
	return rules, forward
}

func (d *docker) first(variant string) bool {
	_, forward := d.docked(variant)
	return strings.HasPrefix(forward, "-A FORWARD -j GOCOMPOSE\n") && strings.Count(forward, "GOCOMPOSE") == 1
}

func TestBesideADockerThatWasThereBefore(t *testing.T) {
	eachDocker(t, func(d *docker, variant string) {
		d.start()
		defer func() { d.stop() }()
		d.load()
		d.call("POST", "/networks/create", strings.NewReader(network), nil)
		d.create("one", "bridge", port1)
		d.create("two", "second", port2)
		one, two := d.run("one", port1), d.run("two", port2)
		before, _ := d.docked(variant)
		for _, w := range [][2]string{{"lan", at(firstIP)}, {"first", at(secondIP)}, {"first", at(lanIP)}} {
			d.h.blocked(w[0], w[1])
		}
		d.h.ensure(true)
		d.h.ensure(false)
		d.works(one, two)
		if after, _ := d.docked(variant); after != before {
			d.h.t.Errorf("Docker's rules were\n%s\nand are\n%s", before, after)
		}
		must(d.h.t, Remove(d.h.t.Context()))
		if after, _ := d.docked(variant); after != before {
			d.h.t.Errorf("Docker's rules were\n%s\nand after Remove are\n%s", before, after)
		}
		d.h.blocked("lan", at(firstIP))
	})
}

func TestBesideADockerThatComesAndGoes(t *testing.T) {
	eachDocker(t, func(d *docker, variant string) {
		d.h.keep()
		d.start()
		defer func() { d.stop() }()
		d.load()
		d.create("one", "bridge", port1)
		isFirst := func() bool { return d.first(variant) }
		eventually(d.h.t, "our rules are first", isFirst)
		d.works(d.run("one", port1))
		d.call("POST", "/networks/create", strings.NewReader(network), nil)
		d.create("two", "second", port2)
		two := d.run("two", port2)
		eventually(d.h.t, "our rules are first again", isFirst)
		d.works(two)
		d.stop()
		d.h.allPass()
		d.start()
		one, two := d.run("one", port1), d.run("two", port2)
		eventually(d.h.t, "our rules are first after a restart", isFirst)
		d.works(one, two)
	})
}
