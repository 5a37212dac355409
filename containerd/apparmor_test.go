package containerd

import (
	"errors"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/project"
)

func TestTheAppArmorProfileIsLoadedForWhomItConfines(t *testing.T) {
	for _, tt := range []struct {
		name    string
		c       project.Container
		enabled bool
		loads   bool
	}{
		{"a container", project.Container{}, true, true},
		{"without AppArmor", project.Container{}, false, false},
		{"a privileged one", project.Container{Privileged: true}, true, false},
		{"a privileged one that asks for it", project.Container{Privileged: true, Security: project.Security{AppArmor: "docker-default"}}, true, true},
		{"one with a profile of its own", project.Container{Security: project.Security{AppArmor: "web"}}, true, false},
		{"an unconfined one", project.Container{Security: project.Security{AppArmor: "unconfined"}}, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var loaded []string
			a := appArmor{
				enabled: func() bool { return tt.enabled },
				load:    func(name string) error { loaded = append(loaded, name); return nil },
			}
			if err := a.prepare(tt.c); err != nil {
				t.Fatal(err)
			}
			if tt.loads != (len(loaded) == 1 && loaded[0] == a.profile()) {
				t.Errorf("loaded %q", loaded)
			}
			if (a.profile() == "") == tt.enabled {
				t.Errorf("the host's profile is %q", a.profile())
			}
		})
	}
}

func TestAProfileThatCannotBeLoadedIsNamed(t *testing.T) {
	a := appArmor{enabled: func() bool { return true }, load: func(string) error { return errors.New("no parser") }}
	if err := a.prepare(project.Container{}); err == nil || !strings.Contains(err.Error(), "gocompose-default: no parser") {
		t.Error(err)
	}
}
