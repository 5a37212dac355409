package planner

import (
	"slices"
	"strings"

	"github.com/gocompose/gocompose/project"
)

// FromObserved makes a project of what is there, for commands that have no
// files: its services are those that containers belong to, its networks and
// volumes those that bear its name. It is good for all but Up, which would have
// too little to go by.
func FromObserved(name string, obs Observed) *project.Project {
	p := &project.Project{Name: name}
	groups := instances(obs.Containers, nil)
	at := map[string]int{}
	for _, id := range sortedIDs(groups) {
		c := groups[id][0].Spec
		i, known := at[c.Service]
		if !known {
			i = len(p.Services)
			at[c.Service] = i
			p.Known = append(p.Known, c.Service)
			p.Services = append(p.Services, project.Service{Name: c.Service, Template: c})
		}
		p.Services[i].Replicas = max(p.Services[i].Replicas, c.Replica)
	}
	for i := range p.Services {
		t := &p.Services[i].Template
		if separator, derived := t.DerivedName(); derived { // not by container_name
			t.Name, p.Services[i].Separator = "", separator
		}
		t.Replica = 0
		t.Origin = project.Origin{} // made from no files
		t.Needs = slices.DeleteFunc(slices.Clone(t.Needs), func(n project.Need) bool {
			_, there := at[n.Service]
			return !there
		})
	}
	slices.SortFunc(p.Services, func(a, b project.Service) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(p.Known)
	for _, n := range sortedBy(obs.Networks, project.Network.ID) {
		if n.Project == name {
			p.Networks = append(p.Networks, n)
		}
	}
	for _, v := range sortedBy(obs.Volumes, project.Volume.ID) {
		if v.Project == name {
			p.Volumes = append(p.Volumes, v)
		}
	}
	return p
}
