package loader

import (
	"fmt"
	"maps"
	"slices"
)

// GraphService is a service as it stands in the graph of services.
type GraphService struct {
	Name  string
	Needs []string // services, sorted
	// Networks are those that it is on, in the order of their priority, by the names
	// in the files.
	Networks []string
	Ports    []string // "127.0.0.1:8080:80 (tcp, ingress)", in the order of the files
	Image    string   // what Images says
}

// Graph returns the enabled services, sorted by name. The model must be
// interpolated.
func (m *Model) Graph() []GraphService {
	var out []GraphService
	images := m.Images()
	for i, name := range m.sortedServices() {
		s := m.model.Services[name]
		g := GraphService{Name: name, Networks: s.NetworksByPriority(), Image: images[i]}
		for _, need := range slices.Sorted(maps.Keys(s.DependsOn)) {
			if _, enabled := m.model.Services[need]; enabled {
				g.Needs = append(g.Needs, need)
			}
		}
		for _, p := range s.Ports {
			at := fmt.Sprintf("%s:%d (%s, %s)", p.Published, p.Target, p.Protocol, p.Mode)
			if p.HostIP != "" {
				at = p.HostIP + ":" + at
			}
			g.Ports = append(g.Ports, at)
		}
		out = append(out, g)
	}
	return out
}

// Models returns the names of the models that the files describe: of each what it
// is called where it is published. Sorted.
func (m *Model) Models() []string {
	var out []string
	if m.tree != nil {
		models, _ := m.tree["models"].(map[string]any)
		for _, key := range m.keys("models") {
			model, _ := models[key].(map[string]any)
			name, _ := model["model"].(string)
			out = append(out, name)
		}
	} else {
		for _, model := range m.model.Models {
			out = append(out, model.Model)
		}
	}
	out = slices.DeleteFunc(out, func(name string) bool { return name == "" })
	slices.Sort(out)
	return out
}
