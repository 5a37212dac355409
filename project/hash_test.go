package project

import "testing"

func hashed() Container {
	return Container{
		Project: "shop", Service: "web", Replica: 1, Name: "shop-web-1",
		Image: "docker.io/library/nginx:1.27",
		Env:   map[string]string{"A": "1", "B": "2"},
	}
}

func TestHashIsStable(t *testing.T) {
	// A new value means that hashes of stored containers no longer agree with
	// those of the same files: then hashVersion changes too.
	const want = "53a9fba7a152e5825418bee329e1fafdb96b57eb27649d315a7bdc38f6414a80"
	if got := hashed().Hash(); got != want {
		t.Errorf("Hash() = %s, want %s", got, want)
	}
}

func TestHashDoesNotCountWhatIsNotCompared(t *testing.T) {
	want := hashed().Hash()
	for name, change := range map[string]func(*Container){
		"replica":  func(c *Container) { c.Replica, c.Name = 2, "shop-web-2" },
		"needs":    func(c *Container) { c.Needs = []Need{{Service: "db", Condition: Healthy}} },
		"origin":   func(c *Container) { c.Origin = Origin{WorkingDir: "/srv"} },
		"template": func(c *Container) { c.Replica, c.Name = 0, "" },
	} {
		c := hashed()
		change(&c)
		if got := c.Hash(); got != want {
			t.Errorf("%s changes the hash", name)
		}
	}
}

func TestHashCountsWhatTheServiceAsksFor(t *testing.T) {
	seen := map[string]string{hashed().Hash(): "the original"}
	for name, change := range map[string]func(*Container){
		"image":            func(c *Container) { c.Image = "x" },
		"env":              func(c *Container) { c.Env = map[string]string{"A": "1"} },
		"container_name":   func(c *Container) { c.Name = "front" },
		"no command":       func(c *Container) { c.Command = []string{} },
		"empty entrypoint": func(c *Container) { c.Entrypoint = []string{} },
		"memory":           func(c *Container) { c.Memory = 1 << 30 },
	} {
		c := hashed()
		change(&c)
		if other, ok := seen[c.Hash()]; ok {
			t.Errorf("%s has the hash of %s", name, other)
		}
		seen[c.Hash()] = name
	}
}
