package project_test

import (
	"reflect"
	"testing"

	"github.com/gocompose/gocompose/project"
)

func TestMountsAreTakenOver(t *testing.T) {
	data := project.Container{Mounts: []project.Mount{
		{Type: project.MountVolume, Target: "/anonymous", Labels: map[string]string{"a": "b"}},
		{Type: project.MountBind, Source: "/srv", Target: "/bind", CreateHostPath: true},
		{Type: project.MountTmpfs, Target: "/memory"},
		{Type: project.MountVolume, Source: "shop_own", Target: "/own"},
	}}
	shared := data.Shared(map[string]string{"/anonymous": "a1", "/of-the-image": "a2"},
		[]project.Mount{{Type: project.MountVolume, Source: "shop_third", Target: "/third", ReadOnly: true}})
	other := []project.Mount{{Type: project.MountVolume, Source: "shop_other", Target: "/bind"}}
	web := project.Container{
		VolumesFrom: []project.VolumesFrom{{Service: "data", ReadOnly: true}, {Container: "other"}},
		Mounts:      []project.Mount{{Type: project.MountTmpfs, Target: "/own"}},
	}
	want := []project.Mount{
		{Type: project.MountVolume, Source: "a1", Target: "/anonymous", ReadOnly: true, NoCopy: true},
		{Type: project.MountVolume, Source: "shop_other", Target: "/bind", NoCopy: true},
		{Type: project.MountVolume, Source: "a2", Target: "/of-the-image", ReadOnly: true, NoCopy: true},
		{Type: project.MountVolume, Source: "shop_third", Target: "/third", ReadOnly: true, NoCopy: true},
	}
	if got := web.Taken([][]project.Mount{shared, other}); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestWhichContainerItWasIsNotPartOfTheHash(t *testing.T) {
	c := project.Container{VolumesFrom: []project.VolumesFrom{{Service: "data"}}}
	hash := c.Hash()
	c.VolumesFrom[0].ID = "shop-data-1.n1"
	if c.Hash() != hash || c.VolumesFrom[0].ID == "" {
		t.Error("the container that is there counts, or is forgotten")
	}
	c.VolumesFrom[0].ReadOnly = true
	if c.Hash() == hash {
		t.Error("whether it is read-only does not count")
	}
}
