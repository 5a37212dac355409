package loader

import (
	"go.yaml.in/yaml/v4"
)

// foreign is what of a project is from elsewhere.
type foreign struct {
	all                         bool // the user has named such files
	services, volumes, networks map[string]bool
}

func (p foreign) service(name string) bool { return p.all || p.services[name] }
func (p foreign) volume(name string) bool  { return p.all || p.volumes[name] }
func (p foreign) network(name string) bool { return p.all || p.networks[name] }

// foreignParts returns what is from elsewhere: all, or what files that are fetched for files of
// this host define, with the services that extend theirs.
func (s *source) foreignParts() foreign {
	if s.used != nil {
		return foreign{all: true}
	}
	p := foreign{services: map[string]bool{}, volumes: map[string]bool{}, networks: map[string]bool{}}
	s.eachCopied(func(_ string, doc *yaml.Node) {
		for section, names := range map[string]map[string]bool{"services": p.services, "jobs": p.services, "volumes": p.volumes, "networks": p.networks} {
			eachKey(valueOf(doc, []string{section}), func(name string) { names[name] = true })
		}
	})
	ps := newPositions(s)
	for more := true; more; {
		more = false
		s.eachDocument(func(file string, doc *yaml.Node) {
			eachKey(valueOf(doc, []string{"services"}), func(name string) {
				base, of := ps.extended(file, doc, []string{"services", name})
				_, copied := s.copyOf(base)
				if of != "" && !p.services[name] && (copied || p.services[of]) {
					p.services[name], more = true, true
				}
			})
		})
	}
	return p
}

// eachCopied visits the files that were fetched.
func (s *source) eachCopied(visit func(file string, doc *yaml.Node)) {
	s.eachDocument(func(file string, doc *yaml.Node) {
		if _, copied := s.copyOf(file); copied {
			visit(file, doc)
		}
	})
}

func eachKey(node *yaml.Node, visit func(name string)) {
	if node == nil || node.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i < len(node.Content); i += 2 {
		visit(node.Content[i].Value)
	}
}

// readIn notes the variables that a document reads, as it is written: the files of this host
// are interpolated together with it.
func (s *source) readIn(doc *yaml.Node) {
	if doc.Kind == yaml.ScalarNode {
		_, _ = s.used.substitute(doc.Value, s.env.Resolve) // what is wrong with it was told
	}
	for _, node := range doc.Content {
		s.readIn(node)
	}
}
