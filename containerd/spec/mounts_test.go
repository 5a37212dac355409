package spec

import (
	"slices"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/project"
)

func TestWhatIsMountedBelowABindsSource(t *testing.T) {
	old, current := Host{}, Host{RecursiveReadOnly: true}
	for _, tt := range []struct {
		m    Mount
		host Host
		want string // "": refused
	}{
		{Mount{}, current, "rbind,rprivate"},
		{Mount{ReadOnly: true}, current, "rbind,ro,rro,rprivate"},
		{Mount{ReadOnly: true}, old, "rbind,ro,rprivate"},
		{Mount{Recursive: project.RecursiveDisabled, Propagation: "private"}, current, "bind,private"},
		{Mount{Recursive: project.RecursiveDisabled, ReadOnly: true}, current, "bind,ro,rprivate"},
		{Mount{Recursive: project.RecursiveWritable, ReadOnly: true}, current, "rbind,ro,rprivate"},
		{Mount{Recursive: project.RecursiveReadOnly, ReadOnly: true}, current, "rbind,ro,rro,rprivate"},
		{Mount{Recursive: project.RecursiveReadOnly, ReadOnly: true}, old, ""},
	} {
		tt.m.Type, tt.m.Source = project.MountBind, "/srv"
		got, err := bind(tt.m, tt.host)
		if text := strings.Join(got.Options, ","); text != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%+v: %s, %v, want %s", tt.m, text, err, tt.want)
		}
	}
}

func TestParentsAreMountedBeforeWhatIsBelowThem(t *testing.T) {
	in := input()
	in.Mounts = []Mount{
		{Type: project.MountTmpfs, Target: "/a/b/c"},
		{Type: project.MountVolume, Source: "/v", Target: "/a/b"},
		{Type: project.MountImage, Source: "/i", Target: "/a", ReadOnly: true},
		{Type: project.MountBind, Source: "/e", Target: "/etc"},
	}
	s, err := Build(in)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, m := range s.Mounts {
		order = append(order, m.Destination)
	}
	for _, pair := range [][2]string{{"/a", "/a/b"}, {"/a/b", "/a/b/c"}, {"/etc", "/etc/hosts"}, {"/dev", "/dev/shm"}} {
		if slices.Index(order, pair[0]) > slices.Index(order, pair[1]) {
			t.Errorf("%s is hidden by %s: %v", pair[1], pair[0], order)
		}
	}
}
