//go:build live

package cmd_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gocompose/gocompose/internal/livetest"
	"github.com/gocompose/gocompose/shim/state"
)

// killed is a stack of which everything is killed but steady. The fixed delay
// keeps the rounds short: the back-off would grow from one to the next.
const killed = `
name: killed
x-kept: &kept
  restart_policy: {condition: any, delay: 100ms}
services:
  web:
    image: test/web:1
    ports: ["127.0.0.1:${WEB_PORT}:80"]
    deploy: *kept
  db:
    image: example/postgres:15
    environment: {POSTGRES_PASSWORD: example, POSTGRES_DB: shop}
    volumes: ["data:/var/lib/postgresql/data"]
    deploy: *kept
    healthcheck:
      test: ["CMD", "/usr/lib/postgresql/15/bin/pg_isready", "-h", "127.0.0.1", "-U", "postgres"]
      interval: 5s
      start_period: 60s
      start_interval: 200ms
  writer:
    image: example/postgres:15
    environment: {PGPASSWORD: example, PGHOST: db, PGUSER: postgres, PGDATABASE: shop, PGCONNECT_TIMEOUT: "2"}
    entrypoint: ["/bin/sh", "-c"]
    command:
      - |
        psql=/usr/lib/postgresql/15/bin/psql
        run=$$(cat /proc/sys/kernel/random/uuid)
        until $$psql -qc 'create table if not exists acks (id text primary key)' 2>/dev/null; do sleep 0.1; done
        i=0
        while :; do
          i=$$((i+1))
          $$psql -qc "insert into acks values ('$$run-$$i')" 2>/dev/null && echo "ack $$run-$$i"
          sleep 0.05
        done
    depends_on: {db: {condition: service_healthy}}
    stop_signal: SIGKILL
    deploy: *kept
  logger:
    image: test/busybox:1
    command:
      - sh
      - -c
      - |
        run=$$(cat /proc/sys/kernel/random/uuid)
        i=0
        while :; do
          for j in 1 2 3 4 5 6 7 8 9 10; do
            i=$$((i+1))
            echo "line $$run $$i"
            echo $$i >/counts/$$run
          done
          sleep 0.05
        done
    volumes: ["counts:/counts"]
    stop_signal: SIGKILL
    deploy: *kept
  steady:
    image: test/busybox:1
    restart: always
  victim:
    image: test/busybox:1
    stop_signal: SIGKILL
  ended:
    image: test/busybox:1
    restart: "no"
    stop_signal: SIGKILL
  check:
    profiles: [check]
    image: example/postgres:15
    environment: {PGPASSWORD: example, PGHOST: db, PGUSER: postgres, PGDATABASE: shop}
    entrypoint: ["/usr/lib/postgresql/15/bin/psql", "-Atc", "select id from acks union all select 'count=' || count(*) from acks"]
volumes: {data: {}, counts: {}}
`

// struck are the services whose shims and processes are killed; all of them are
// to be restarted.
var struck = []string{"web", "db", "writer", "logger"}

// TestKillAnything kills the command line, the supervisor, the engine, shims and
// containers, each alone and together, with a stack that works, and prints what
// that did. GOCOMPOSE_KILL_ROUNDS and GOCOMPOSE_KILL_SEED say how often, and
// which history.
func TestKillAnything(t *testing.T) {
	k := newKilling(t)
	k.up()
	on := k.startTraffic()
	rounds := number(t, "GOCOMPOSE_KILL_ROUNDS", 200)
	for round := 1; round <= rounds && !t.Failed(); round++ {
		k.round(round, on)
	}
	on.stop()
	k.must("up", "-d")
	k.converged()
	k.checkLines()
	k.checkRows()
	k.figures(on, rounds)
	k.must("--profile", "check", "down", "-v")
	k.noContainers()
	k.must("system", "stop")
	k.eventually("nothing is left", func() string {
		left, err := livetest.Leftovers(k.paths)
		if err != nil {
			return err.Error()
		}
		return strings.Join(left, "\n")
	})
}

func number(t *testing.T, name string, def int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return def
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// killing is the test under way.
type killing struct {
	*layoutDir
	dice     *rand.Rand
	port     string
	strikes  map[string]int
	history  []string        // of strikes, each with its time
	names    []time.Duration // from a supervisor's death to the next answer
	lines    int
	repeated int // of them
	doomed   int // runs of the logger that were killed together with their shim
	cut      int // lines of these that are missing
	rows     int
}

func newKilling(t *testing.T) *killing {
	l := newLayout(t)
	seed := uint64(number(t, "GOCOMPOSE_KILL_SEED", int(time.Now().UnixNano()%1e6)))
	t.Logf("GOCOMPOSE_KILL_SEED=%d", seed)
	k := &killing{layoutDir: l, dice: rand.New(rand.NewPCG(seed, seed)), strikes: map[string]int{}}
	var err error
	if k.port, err = livetest.FreePort(); err != nil {
		t.Fatal(err)
	}
	k.env = append(k.env, "WEB_PORT="+k.port)
	if err := os.WriteFile(filepath.Join(l.dir, "compose.yaml"), []byte(killed), 0o600); err != nil {
		t.Fatal(err)
	}
	images, err := filepath.Abs("../build/images")
	if err != nil {
		t.Fatal(err)
	}
	k.must("image", "load", "-i", filepath.Join(images, "postgres.tar"))
	for _, name := range []string{"busybox", "web"} {
		k.must("image", "load", "-i", filepath.Join(l.images, name+".tar"))
	}
	return k
}

func (k *killing) up() {
	k.must("up", "-d", "--wait")
	k.killProcess(k.life("ended").Pid)
	k.eventually("ended has ended", func() string { return unless(!k.life("ended").Running, "it runs") })
}

// round strikes, and returns when everything is again as it should be, without
// any command having been run but the one that is struck.
func (k *killing) round(n int, on *traffic) {
	before := k.lives()
	what := k.choose()
	time.Sleep(time.Duration(k.dice.IntN(100)) * time.Millisecond) // any moment is as good
	began := time.Now()
	hit := k.strike(what)
	if slices.Contains(what, "supervisor") {
		k.names = append(k.names, k.answered(began))
	}
	for _, service := range struck {
		k.eventually(fmt.Sprintf("round %d, %v: %s runs", n, what, service), func() string {
			return k.restarted(service, before[service], hit[service])
		})
	}
	k.eventually(fmt.Sprintf("round %d, %v: the engine is back", n, what), func() string {
		return unless(len(k.processes("containerd --config")) == 1, "no engine")
	})
	k.eventually(fmt.Sprintf("round %d, %v: web answers", n, what), func() string {
		_, err := get("http://127.0.0.1:" + k.port)
		return text(err)
	})
	if hit["web"] {
		on.excuse(began, time.Now())
	}
	for service, was := range before {
		if is := k.life(service); !hit[service] && service != "victim" && (is.Running != was.Running || !is.StartedAt.Equal(was.StartedAt)) {
			k.t.Errorf("round %d, %v: %s was not killed, and is %+v after %+v", n, what, service, is, was)
		}
	}
	if slices.Contains(what, "command") {
		k.must("up", "-d", "victim")
	}
	if n%20 == 0 {
		k.must("up", "-d", "victim", "web", "db", "writer", "logger", "steady")
	}
	if n%50 == 0 {
		k.figures(on, n)
	}
}

// choose returns what is killed in this round: mostly one thing, sometimes more,
// sometimes all.
func (k *killing) choose() []string {
	kinds := []string{"command", "supervisor", "engine", "shim", "init"}
	k.dice.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	switch d := k.dice.IntN(10); {
	case d < 6:
		return kinds[:1]
	case d < 9:
		return kinds[:2+k.dice.IntN(2)]
	default:
		return kinds
	}
}

// strike kills in the order given, a command in the middle of what it does, and
// returns the services that were hit.
func (k *killing) strike(what []string) map[string]bool {
	hit := map[string]bool{}
	logger := map[string]bool{} // what of the logger was hit
	var command *exec.Cmd
	if slices.Contains(what, "command") {
		command = k.startCommand()
		time.Sleep(time.Duration(k.dice.IntN(300)) * time.Millisecond) // any moment is as good
	}
	for _, kind := range what {
		k.strikes[kind]++
		service := struck[k.dice.IntN(len(struck))]
		logger[kind] = logger[kind] || service == "logger"
		k.history = append(k.history, fmt.Sprint(time.Now().UTC().Format(time.RFC3339Nano), " ", kind, " (", service, ")"))
		switch kind {
		case "command":
			_ = command.Process.Kill() // it may be through already
			_ = command.Wait()
		case "supervisor":
			k.killAll("gocompose", "supervisor")
		case "engine":
			k.killAll("containerd --config")
		case "shim":
			hit[service] = true
			k.killAll("gocompose-shim", "-id "+k.id(service))
		case "init":
			hit[service] = true
			k.killProcess(k.life(service).Pid)
		}
	}
	if logger["shim"] && logger["init"] {
		k.doomed++
	}
	return hit
}

// startCommand starts something to be killed.
func (k *killing) startCommand() *exec.Cmd {
	commands := [][]string{
		{"up", "-d", "--force-recreate", "--no-deps", "victim"}, {"stop", "victim"}, {"start", "victim"}, {"restart", "victim"},
		{"up", "-d", "--scale", "victim=2", "victim"},
	}
	c := k.command(commands[k.dice.IntN(len(commands))]...)
	if err := c.Start(); err != nil {
		k.t.Fatal(err)
	}
	return c
}

// restarted says what is wrong with a service, as one that was hit or not.
func (k *killing) restarted(service string, was state.State, hit bool) string {
	is := k.life(service)
	switch {
	case !is.Running:
		return "it does not run"
	case hit && !is.StartedAt.After(was.StartedAt):
		return "it was not started again"
	case syscall.Kill(is.Pid, 0) != nil:
		return "its process is gone"
	}
	return ""
}

// id returns the container of a service's first replica.
func (k *killing) id(service string) string {
	found, err := filepath.Glob(filepath.Join(k.paths.Containers(), "killed-"+service+"-1.*"))
	if err != nil || len(found) == 0 {
		k.t.Fatalf("service %s has no container: %v", service, err)
	}
	return filepath.Base(found[0])
}

func (k *killing) life(service string) state.State {
	s, err := state.Read(k.paths.Container(k.id(service)))
	if err != nil {
		return state.State{}
	}
	return s
}

func (k *killing) lives() map[string]state.State {
	all := map[string]state.State{}
	for _, s := range append([]string{"steady", "ended", "victim"}, struck...) {
		all[s] = k.life(s)
	}
	return all
}

func (k *killing) processes(words ...string) []int {
	pids, err := livetest.Processes(k.paths, words...)
	if err != nil {
		k.t.Fatal(err)
	}
	return pids
}

func (k *killing) killAll(words ...string) {
	for _, pid := range k.processes(words...) {
		k.killProcess(pid)
	}
}

func (k *killing) killProcess(pid int) {
	if pid > 1 {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have gone by itself
	}
}

// eventually waits until wrong returns nothing.
func (k *killing) eventually(what string, wrong func() string) {
	k.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		problem := wrong()
		if problem == "" {
			return
		}
		if time.Now().After(deadline) {
			k.t.Fatalf("%s: not after %v: %s\nthe supervisor says:\n%s", what, patience, problem, k.supervisorSays())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// supervisorSays returns the supervisor's log and, as its last words, what its
// goroutines do.
func (k *killing) supervisorSays() string {
	for _, pid := range k.processes("gocompose", "supervisor") {
		_ = syscall.Kill(pid, syscall.SIGQUIT)
		for end := time.Now().Add(time.Second); syscall.Kill(pid, 0) == nil && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond)
		}
	}
	log, err := os.ReadFile(k.paths.SupervisorLog())
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-40_000):])
}

func (k *killing) converged() {
	k.t.Helper()
	if out := k.must("plan"); strings.TrimSpace(out) != "" && !strings.Contains(strings.ToLower(out), "nothing to do") {
		k.t.Errorf("up has not converged:\n%s", out)
	}
}
