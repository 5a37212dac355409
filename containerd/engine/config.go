package engine

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/gocompose/gocompose/internal/paths"
)

// disabled are containerd's plugins that we do not use: each costs time at the
// start, memory, or a path that another containerd on this host uses too.
var disabled = []string{
	"io.containerd.differ.v1.erofs",
	"io.containerd.image-verifier.v1.bindir",
	"io.containerd.internal.v1.opt",
	"io.containerd.metrics.v1.grpc-otel",
	"io.containerd.metrics.v1.grpc-prometheus",
	"io.containerd.monitor.container.v1.restart",
	"io.containerd.monitor.task.v1.cgroups",
	"io.containerd.mount-handler.v1.erofs",
	"io.containerd.nri.v1.nri",
	"io.containerd.snapshotter.v1.blockfile",
	"io.containerd.snapshotter.v1.erofs",
	"io.containerd.snapshotter.v1.native",
}

// required are those without which it is of no use to start at all.
var required = []string{
	"io.containerd.metadata.v1.bolt",
	"io.containerd.runtime.v2.task",
	"io.containerd.snapshotter.v1.overlayfs",
}

// render writes containerd's configuration file.
//
// The OOM score is that of dockerd's unit: containers have to go first. A
// second containerd on our root gives up after boltTimeout instead of waiting
// for ever, containerd's default.
func (c Config) render() string {
	const (
		oomScore    = -500
		boltTimeout = "10s"
	)
	socket := c.Paths.EngineSocket()
	var b strings.Builder
	fmt.Fprintf(&b, "# Written by gocompose at each start of its containerd.\nversion = 4\n")
	fmt.Fprintf(&b, "root = %s\nstate = %s\n", quote(c.Paths.Engine()), quote(c.Paths.EngineState()))
	fmt.Fprintf(&b, "temp = %s\nimports = []\noom_score = %d\n", quote(filepath.Join(c.Paths.Engine(), "tmp")), oomScore)
	fmt.Fprintf(&b, "disabled_plugins = [\n  %s,\n]\n", quoteAll(disabled))
	fmt.Fprintf(&b, "required_plugins = [\n  %s,\n]\n", quoteAll(required))
	b.WriteString("\n[debug]\nlevel = \"warn\"\n")
	fmt.Fprintf(&b, "\n[timeouts]\n\"io.containerd.timeout.bolt.open\" = %s\n", quote(boltTimeout))
	fmt.Fprintf(&b, "\n[plugins.\"io.containerd.server.v1.grpc\"]\naddress = %s\n", quote(socket))
	fmt.Fprintf(&b, "\n[plugins.\"io.containerd.server.v1.ttrpc\"]\naddress = %s\n", quote(ttrpcOf(socket)))
	fmt.Fprintf(&b, "\n[plugins.\"io.containerd.shim.v1.manager\"]\nsocket_dir = %s\n", quote(socketDir(c.Paths)))
	fmt.Fprintf(&b, "\n[plugins.\"io.containerd.metadata.v1.bolt\"]\nno_sync = %t\n", c.NoSync)
	return b.String()
}

// ttrpcOf is the address at which shims publish events.
func ttrpcOf(socket string) string { return socket + ".ttrpc" }

// socketDir is the folder of the shims' sockets. containerd allows it 42
// characters, since the names in it have 64.
func socketDir(p paths.Paths) string {
	const maxLength = 42
	if dir := filepath.Join(p.EngineState(), "s"); len(dir) <= maxLength {
		return dir
	}
	return filepath.Join(shortDir(p), "s")
}

// shortDir stands in for the state folder where its path is too long.
func shortDir(p paths.Paths) string { return "/run/gocompose-" + paths.Short(p.State) }

// checkLength refuses a state folder in which containerd could not listen.
func checkLength(p paths.Paths) error {
	const maxLength = 104 // containerd's limit for a socket's path
	if over := len(ttrpcOf(p.EngineSocket())) - maxLength; over > 0 {
		return fmt.Errorf("the state folder's path is %d characters too long for sockets in it: %s; set GOCOMPOSE_STATE to a shorter one",
			over, p.State)
	}
	return nil
}

func quoteAll(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = quote(s)
	}
	return strings.Join(quoted, ",\n  ")
}

// quote writes s as a basic string of TOML 1.0: quotation mark, backslash and
// control characters have to be escaped.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, "\\u%04X", r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
