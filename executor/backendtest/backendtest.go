// Package backendtest is the conformance suite of executor.Backend: what every
// backend promises, the fake of the planner's tests as well as a real host.
package backendtest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// Harness is a backend under test and what the suite needs to see it by.
type Harness struct {
	Backend executor.Backend
	// Observe returns what is there of a project.
	Observe func(ctx context.Context, project string) (planner.Observed, error)
	// Images returns which of the project's images are there.
	Images func(ctx context.Context, p *project.Project) (planner.Observed, error)
	// Image is a reference that is on the host and can be pulled. It has a
	// shell, sh, and no health check of its own. The suite makes these containers
	// of it, beside those of Command:
	//
	//   - ["sh", "-c", "exit 3"] and the like, which end at once;
	//   - of Command, with the health checks ["CMD-SHELL", "exit 0"] and ["CMD-SHELL",
	//     "exit 1"] at short intervals;
	//   - of Command, with hooks that run sh.
	//
	// What waits, restarts and probes must work for them: the supervisor of a
	// real host runs. In a fake one time passes when it is observed.
	Image string
	// Provider is a type of providers: its program says the project's name and, at
	// up, sets the variables of its options --set.
	Provider string
	// Context is a folder with a file called "file"; empty: there is nothing that builds.
	Context string
	// MissingImage is one that is nowhere.
	MissingImage string
	// Command runs until it is stopped, in a container of Image. SIGUSR1, which
	// it does not handle, does not end it.
	Command []string
}

// projectName is the one all of the suite's resources belong to.
const projectName = "conformance"

// Run runs the suite. Each of its tests gets a backend of its own, with nothing
// of the project "conformance" in it, and leaves none.
func Run(t *testing.T, newBackend func(t *testing.T) Harness) {
	for _, c := range tests() {
		t.Run(c.name, func(t *testing.T) {
			s := &suite{T: t, ctx: t.Context(), Harness: newBackend(t)}
			t.Cleanup(s.clean)
			c.f(s)
		})
	}
}

type test struct {
	name string
	f    func(*suite)
}

func tests() []test {
	return []test{
		{"networks are made and removed, again and again", testNetworks},
		{"volumes are made and removed, again and again", testVolumes},
		{"an image that is there is pulled", testPull},
		{"an image that is nowhere is an error", testPullMissing},
		{"an image that is there is pushed, and comes back", testPush},
		{"an image that is not there is not pushed", testPushMissing},
		{"an image that nobody has signed is not verified", testVerify},
		{"an image is removed, unless a container has it", testRemoveImage},
		{"an image is built, with all its names", testBuild},
		{"an image is built of those of others", testBuildOn},
		{"a build that cannot be is an error", testBuildFailing},
		{"a container lives: created, started, stopped, started, removed", testLife},
		{"every call can be repeated", testRepeated},
		{"a container that never started can be stopped and removed", testNeverStarted},
		{"what is not there is stopped and removed", testAbsent},
		{"a container without its image is refused", testCreateWithoutImage},
		{"a container that is not there cannot be started", testStartAbsent},
		{"a network in use stays", testNetworkInUse},
		{"a network is replaced while what belongs to it does not run", testNetworkReplaced},
		{"a container without its network does not start", testStartWithoutNetwork},
		{"replicas have a host port together, services do not", testSharedPort},
		{"a network namespace is shared while its owner runs", testSharedNamespace},
		{"an IPC namespace is shared while its owner runs", testSharedIPC},
		{"who shares a PID namespace ends with its owner", testSharedPID},
		{"a volume in use stays, whoever uses it", testVolumeInUse},
		{"a volume is made by another definition", testVolumeRedefined},
		{"anonymous volumes are made, kept and inherited", testAnonymous},
		{"images are mounted, if they are there", testMountedImage},
		{"mounts are taken over from a container that is there", testVolumesFrom},
		{"two containers of one replica are there side by side", testReplacement},
		{"a call whose context has ended can be repeated", testCancelled},
		{"a specification comes back as it was given", testSpecification},
		{"a healthy container is waited for", testAwaitHealthy},
		{"what is unhealthy or not checked does not become healthy", testAwaitUnhealthy},
		{"what ends is waited for: success, and failure", testAwaitCompleted},
		{"what is ready: healthy, running, or done", testAwaitReady},
		{"a wait ends with its context, and when the container is stopped", testAwaitEnds},
		{"SIGKILL ends a container for good, other signals need not", testKill},
		{"a container is paused and goes on", testPause},
		{"what does not run is neither killed nor paused", testNotRunning},
		{"a container is started again, until it is stopped", testRestartPolicy},
		{"a user's stop is remembered until the next start", testStopped},
		{"post_start is run, and due until then", testPostStart},
		{"a hook that fails says so", testFailingHooks},
		{"hooks of what does not run", testHooksOfWhatDoesNotRun},
		{"what runs before a service is no replica of it", testInit},
		{"a one-off is no replica of its service", testOneOff},
		{"a provider is brought up and taken down, again and again", testProvider},
		{"a provider without a program is an error", testNoProvider},
	}
}

// suite is one test of it.
type suite struct {
	*testing.T
	Harness
	ctx context.Context
}

func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *suite) observe() planner.Observed {
	s.Helper()
	obs, err := s.Observe(s.ctx, projectName)
	s.must(err)
	return obs
}

// clean removes what the test left.
func (s *suite) clean() {
	// The test's own context has ended by now.
	s.ctx = context.WithoutCancel(s.ctx)
	obs := s.observe()
	for _, c := range slices.Concat(obs.Containers, obs.OneOffs, obs.Leftovers) {
		s.must(s.Backend.StopContainer(s.ctx, c.ID, 0))
		s.must(s.Backend.RemoveContainer(s.ctx, c.ID))
	}
	for _, n := range obs.Networks {
		if n.Project == projectName {
			s.must(s.Backend.RemoveNetwork(s.ctx, n))
		}
	}
	for _, v := range obs.Volumes {
		if v.Project == projectName {
			s.must(s.Backend.RemoveVolume(s.ctx, v))
		}
	}
}

func (s *suite) network() project.Network {
	return project.Network{Name: projectName + "_default", Key: "default", Project: projectName, Driver: "bridge"}
}

func (s *suite) volume() project.Volume {
	return project.Volume{Name: projectName + "_data", Key: "data", Project: projectName, Driver: "local"}
}

// spec is a container in the suite's network.
func (s *suite) spec() project.Container {
	return project.Container{
		Project: projectName, Service: "web", Replica: 1, Name: projectName + "-web-1",
		Image: s.Image, Command: s.Command, StopGrace: time.Second, StopSignal: "SIGKILL",
		Networks: []project.Endpoint{{Network: s.network().Name}},
		Logging:  project.Logging{Driver: "json-file", MaxSize: project.DefaultLogMaxSize, MaxFiles: project.DefaultLogMaxFiles},
		ShmSize:  project.DefaultShmSize,
	}
}

func (s *suite) id(nonce string) string { return planner.ContainerID(projectName, "web", 1, nonce) }

// container returns the container of that identifier, if it is there.
func (s *suite) container(id string) (planner.Container, bool) {
	s.Helper()
	list := s.observe().Containers
	i := slices.IndexFunc(list, func(c planner.Container) bool { return c.ID == id })
	if i < 0 {
		return planner.Container{}, false
	}
	return list[i], true
}

// is checks the state of a container; "" means that it is not there.
func (s *suite) is(id string, want planner.State) {
	s.Helper()
	c, there := s.container(id)
	if c.State != want || there != (want != "") {
		s.Fatalf("container %s is %q, want %q", id, c.State, want)
	}
}

// create makes the container and the network that it is in.
func (s *suite) create(nonce string) string {
	s.Helper()
	s.must(s.Backend.CreateNetwork(s.ctx, s.network()))
	s.must(s.Backend.CreateContainer(s.ctx, s.id(nonce), s.spec(), nil))
	return s.id(nonce)
}

func (s *suite) fails(err error, what string, args ...any) {
	s.Helper()
	if err == nil {
		s.Fatalf("%s: no error", fmt.Sprintf(what, args...))
	}
}
