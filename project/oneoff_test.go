package project

import "testing"

func TestAOneOffIsNoReplica(t *testing.T) {
	s := Service{Name: "web", Replicas: 3, Job: true, Template: Container{
		Project: "shop", Service: "web", Restart: Restart{Condition: RestartAlways},
		Hooks: Hooks{BeforeStart: []PreStart{{}}, AfterStart: []Hook{{}}},
	}}
	one := s.AsOneOff("0123456789ab")
	list := one.Containers()
	if len(list) != 1 || one.Job {
		t.Fatalf("%d containers, a job: %v", len(list), one.Job)
	}
	c := list[0]
	if !c.OneOff() || c.Slug() != "0123456789ab" || c.Replica != 0 || c.Name != "shop-web-run-0123456789ab" || c.ID().String() != "container/web-run-0123456789ab" {
		t.Errorf("%+v", c)
	}
	if c.Restart != (Restart{}) || len(c.Hooks.BeforeStart) != 0 || len(c.Hooks.AfterStart) != 1 {
		t.Errorf("it is started as a replica is: %+v", c)
	}
	if c.TakesVolumes() {
		t.Error("its anonymous volumes go with it")
	}
	c.Temporary = true
	if !c.TakesVolumes() {
		t.Error("its anonymous volumes stay")
	}
	s.Separator = OldSeparator
	if c := s.AsOneOff("0123456789ab").Containers()[0]; c.Name != "shop_web_run_0123456789ab" {
		t.Errorf("its name is %s", c.Name)
	}
	s.Template.Name = "probe"
	if c := s.AsOneOff("0123456789ab").Containers()[0]; c.Name != "probe" {
		t.Errorf("its name is %s", c.Name)
	}
	if c := s.Container(2); c.OneOff() || c.Slug() != "" || c.Replica != 2 || c.TakesVolumes() {
		t.Errorf("a replica: %+v", c)
	}
}
