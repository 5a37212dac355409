package cmd_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const ours = "github.com/gocompose/gocompose/"

// atStart is how much a package of ours may allocate when it is initialised: tables. A
// single pattern that is compiled then takes more.
const atStart = 6 << 10

// heavy are the packages of others that allocate more than heavyAtStart when they are
// initialised, which every command waits for, with how much that may be. Another one is
// to be left out, or has to be worth it to all commands.
var heavy = map[string]int{
	"github.com/santhosh-tekuri/jsonschema/v6":                 2 << 20,   // compose-go's: checks files by its schema
	"github.com/distribution/reference":                        512 << 10, // compose-go's and ours: names of images
	"github.com/opencontainers/go-digest":                      128 << 10,
	"github.com/moby/buildkit/solver/pb":                       128 << 10, // forms of messages, from here on
	"github.com/moby/buildkit/frontend/gateway/pb":             128 << 10,
	"github.com/moby/buildkit/api/services/control":            128 << 10,
	"github.com/containerd/containerd/api/services/sandbox/v1": 128 << 10,
	"google.golang.org/protobuf/types/descriptorpb":            128 << 10,
}

const heavyAtStart = 48 << 10

// What packages do when they are initialised, each command waits for.
func TestWhatIsInitialisedAtTheStart(t *testing.T) {
	program := exec.Command("gocompose", "version")
	program.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var trace bytes.Buffer
	program.Stderr = &trace
	if err := program.Run(); err != nil {
		t.Fatalf("%v: %s", err, &trace)
	}
	order := map[string]int{}
	for line := range strings.Lines(trace.String()) {
		var name string
		var at, clock float64
		var size, allocs int
		if _, err := fmt.Sscanf(line, "init %s @%f ms, %f ms clock, %d bytes, %d allocs", &name, &at, &clock, &size, &allocs); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		order[name] = len(order)
		limit, known := heavy[name]
		switch {
		case strings.HasPrefix(name, ours):
			limit = atStart
		case !known:
			limit = heavyAtStart
		}
		if size > limit {
			t.Errorf("%s allocates %d bytes when it is initialised, and %d are allowed", name, size, limit)
		}
	}
	for name := range heavy {
		if _, there := order[name]; !there {
			t.Errorf("%s is not initialised any more: it needs no exception", name)
		}
	}
	garbage, schema := order[ours+"internal/garbage"], order["github.com/santhosh-tekuri/jsonschema/v6"]
	if garbage == 0 || garbage > schema {
		t.Errorf("internal/garbage is number %d to be initialised, and what allocates most is number %d", garbage, schema)
	}
}
