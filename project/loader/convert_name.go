package loader

import (
	"maps"
	"slices"
)

// resourceName is what Docker accepts as the name of a container, network or
// volume.
var resourceName = lazily(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

func (c *converter) checkResourceName(name, kind, key string) {
	if !resourceName().MatchString(name) {
		place{c, []string{kind, key, "name"}}.problem(
			"%q is not a name: want letters, digits, and after the first also _ . -", name)
	}
}

// checkContainerNames finds names that two services want.
func (c *converter) checkContainerNames() {
	owner := map[string]string{}
	for _, service := range slices.Sorted(maps.Keys(c.model.Services)) {
		name := c.model.Services[service].ContainerName
		if name == "" {
			continue
		}
		at := place{c, []string{"services", service, "container_name"}}
		if !resourceName().MatchString(name) {
			at.problem("%q is not a name: want letters, digits, and after the first also _ . -", name)
		}
		if other, taken := owner[name]; taken {
			at.problem("%q is the container name of service %s already", name, other)
		}
		owner[name] = service
	}
}
