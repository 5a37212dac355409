//go:build live

package cmd_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gocompose/gocompose/internal/livetest"
)

// load NAME... loads images that the tests made.
func load(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		ts.Check(ts.Exec("gocompose", "image", "load", "-i", filepath.Join(ts.Getenv("IMAGES"), name+".tar")))
	}
}

// push REPO:TAG NAME puts an image that the tests made into the registry under
// that name.
func push(r livetest.Registry, made map[string]v1.Image) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		ts.Check(r.Push(args[0], made[args[1]]))
	}
}

// testImages are the images of the scripts, by name.
func testImages(t *testing.T) map[string]v1.Image {
	t.Helper()
	out := map[string]v1.Image{}
	add := func(name string, c v1.Config, files ...livetest.File) {
		img, err := livetest.Busybox(c, files...)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = img
	}
	page := func(text string) []livetest.File {
		return []livetest.File{
			{Path: "www/", Mode: 0o755},
			{Path: "www/index.html", Mode: 0o644, Content: []byte(text + "\n")},
		}
	}
	add("busybox", v1.Config{Cmd: []string{"sh", "-c", "trap 'exit 0' TERM; sleep 1d & wait"}})
	add("web", v1.Config{Cmd: []string{"httpd", "-f", "-p", "80", "-h", "/www"}, StopSignal: "SIGKILL"}, page("web one")...)
	add("web2", v1.Config{Cmd: []string{"httpd", "-f", "-p", "80", "-h", "/www"}, StopSignal: "SIGKILL"}, page("web two")...)
	add("data", v1.Config{
		Cmd:     []string{"sh", "-c", "trap 'exit 0' TERM; sleep 1d & wait"},
		Volumes: map[string]struct{}{"/data": {}}, ExposedPorts: map[string]struct{}{"9000/tcp": {}},
	}, livetest.File{Path: "data/", Mode: 0o755}, livetest.File{Path: "data/from-image", Mode: 0o644, Content: []byte("from the image\n")})
	// Answers which replica it is, and whom it sees asking.
	add("who", v1.Config{Cmd: []string{"httpd", "-f", "-p", "80", "-h", "/www"}, StopSignal: "SIGKILL"},
		livetest.File{Path: "www/", Mode: 0o755}, livetest.File{Path: "www/cgi-bin/", Mode: 0o755},
		livetest.File{Path: "www/cgi-bin/who", Mode: 0o755, Content: []byte("#!/bin/sh\necho\necho $(hostname) sees $REMOTE_ADDR\n")})
	add("user", v1.Config{User: "user", WorkingDir: "/work", Env: []string{"PATH=/bin", "FROM_IMAGE=yes"}, Entrypoint: []string{"sh", "-c"}, Cmd: []string{"id; pwd; env; trap 'exit 0' TERM; sleep 1d & wait"}})
	return out
}

func writeImages(t *testing.T, dir string) {
	t.Helper()
	for key, img := range testImages(t) {
		tag, err := name.NewTag("test/" + key + ":1")
		if err != nil {
			t.Fatal(err)
		}
		if err := tarball.WriteToFile(filepath.Join(dir, key+".tar"), tag, img); err != nil {
			t.Fatal(err)
		}
	}
}

func pushImages(t *testing.T, r livetest.Registry) {
	t.Helper()
	for key, img := range testImages(t) {
		if err := r.Push("test/"+key+":1", img); err != nil {
			t.Fatal(err)
		}
	}
}
