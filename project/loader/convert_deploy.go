package loader

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

// The values of deploy.mode. Without one it is replicated.
const (
	modeReplicated    = "replicated"
	modeGlobal        = "global"
	modeReplicatedJob = "replicated-job"
	modeGlobalJob     = "global-job"
)

func isJob(s types.ServiceConfig) bool {
	return s.Deploy != nil && (s.Deploy.Mode == modeReplicatedJob || s.Deploy.Mode == modeGlobalJob)
}

func isGlobal(s types.ServiceConfig) bool {
	return s.Deploy != nil && (s.Deploy.Mode == modeGlobal || s.Deploy.Mode == modeGlobalJob)
}

// replicas returns how many containers there are of a service: of one that is
// global one, for there is one host.
func (p place) replicas(s types.ServiceConfig) int {
	n := s.GetScale()
	asked, scaled := p.c.src.options.Scale[s.Name]
	switch {
	case n < 0:
		p.in("scale").problem("must be greater than or equal to 0")
		return 0
	case isGlobal(s) && scaled && asked > 1:
		p.in("deploy", "mode").problem("%d containers are asked for, and a service of mode %s has one on each host; "+
			"ask for one, or remove the mode", asked, s.Deploy.Mode)
		return 1
	case isGlobal(s) && !scaled && (s.Scale != nil || s.Deploy.Replicas != nil):
		at := p.in("deploy", "replicas")
		if s.Deploy.Replicas == nil {
			at = p.in("scale")
		}
		at.problem("a service of mode %s has one container on each host; remove this, or the mode", s.Deploy.Mode)
		return 1
	case n > 1 && s.ContainerName != "":
		p.in("container_name").problem(namedReplicasText)
	}
	return n
}

const namedReplicasText = "a container name is unique, so there cannot be several replicas of it; " +
	"remove container_name or the scale"

// deploy adds what the section says of the service as a whole.
func (p place) deploy(s types.ServiceConfig, out *project.Service) {
	if s.Deploy == nil {
		return
	}
	p = p.in("deploy")
	out.Job = isJob(s)
	if out.Update = p.in("update_config").update(s.Deploy.UpdateConfig); out.Job && out.Update != nil {
		p.in("update_config").problem("a job is not updated: a changed one is run again; remove it")
	}
	if out.Rollback = p.in("rollback_config").update(s.Deploy.RollbackConfig); out.Job && out.Rollback != nil {
		p.in("rollback_config").problem("a job is not rolled back: a changed one is run again; remove it")
	}
	if r := out.Rollback; r != nil && r.OnFailure == project.RollBackOnFailure {
		p.in("rollback_config", "failure_action").problem("%q is not one of pause, continue", "rollback")
	}
	p.in("placement").placement(s.Deploy.Placement, out.Replicas)
}

// update reads update_config or rollback_config; nil when there is none.
func (p place) update(u *types.UpdateConfig) *project.Update {
	if u == nil {
		return nil
	}
	// Docker's default is one at a time.
	out := project.Update{Parallelism: 1, MaxFailureRatio: exactly(u.MaxFailureRatio)}
	if u.Parallelism != nil {
		if *u.Parallelism > math.MaxInt32 {
			p.in("parallelism").problem("must be a number of containers, or 0 for all at once")
		} else {
			out.Parallelism = int(*u.Parallelism)
		}
	}
	delay, monitor := u.Delay, u.Monitor
	out.Delay, out.Monitor = p.in("delay").duration(&delay), p.in("monitor").duration(&monitor)
	switch u.FailureAction {
	case "", "pause":
	case "continue", "rollback":
		out.OnFailure = project.FailureAction(u.FailureAction)
	default:
		p.in("failure_action").problem("%q is not one of pause, continue, rollback", u.FailureAction)
	}
	if r := out.MaxFailureRatio; math.IsNaN(r) || r < 0 || r > 1 {
		p.in("max_failure_ratio").problem("must be from 0 to 1")
	}
	switch u.Order {
	case "", "stop-first":
	case "start-first":
		out.Order = project.StartFirst
	default:
		p.in("order").problem("%q is not one of stop-first, start-first", u.Order)
	}
	return &out
}

// Node is the host that containers are placed on, as far as the loader needs to
// know.
type Node struct{ Hostname, OS, Arch string }

// placement refuses what this host is not. Preferences are about several hosts.
func (p place) placement(given types.Placement, replicas int) {
	if p.c.src.options.Existing {
		return // what is there is here
	}
	if most := given.MaxReplicas; most > 0 && uint64(replicas) > most {
		p.in("max_replicas_per_node").problem("%d replicas are more than that, and there is one host; raise it, or lower the replicas", replicas)
	}
	for i, c := range given.Constraints {
		if why := p.c.src.options.Node.refuses(c); why != "" {
			p.in("constraints", index(i)).near(c, "%s", why)
		}
	}
}

// refuses says what is wrong with a constraint of docker's form, key==value or
// key!=value, or why this host does not meet it; empty: nothing. Neither case nor
// blanks count.
func (n Node) refuses(constraint string) string {
	key, value, found := strings.Cut(constraint, "==")
	if before, after, not := strings.Cut(constraint, "!="); not && (!found || len(before) < len(key)) {
		key, value = before, after
	} else if !found {
		return "is no constraint like node.hostname==NAME or node.role!=worker"
	}
	wanted := !strings.HasPrefix(constraint[len(key):], "!=")
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	have, known := n.facts(key)
	switch {
	case !known:
		return key + " is nothing that can be told of this host; what can: node.hostname, node.role, node.platform.os, " +
			"node.platform.arch, node.labels.NAME, engine.labels.NAME"
	case slices.ContainsFunc(have, func(h string) bool { return strings.EqualFold(h, value) }) == wanted:
		return ""
	case len(have) == 0:
		return "this host has no labels; remove it"
	default:
		return "this host does not meet it: its " + key + " is " + have[0] + "; remove it, or bring the project up on another host"
	}
}

// facts returns what a key of constraints is on this host, in all spellings; ok is
// false when that is not known. It is a cluster of one, which it manages, and has
// no labels.
func (n Node) facts(key string) (have []string, ok bool) {
	switch key = strings.ToLower(key); key {
	case "node.hostname":
		return []string{n.Hostname}, true
	case "node.role":
		return []string{"manager"}, true
	case "node.platform.os":
		return []string{n.OS}, true
	case "node.platform.arch":
		return append([]string{n.Arch}, archAliases[n.Arch]...), true
	}
	return nil, strings.HasPrefix(key, "node.labels.") || strings.HasPrefix(key, "engine.labels.")
}

// archAliases are the names that uname(1) and Docker have for Go's.
var archAliases = map[string][]string{
	"amd64": {"x86_64", "x86-64"}, "arm64": {"aarch64"}, "386": {"i386", "i686", "x86"},
	"arm": {"armv7l", "armhf"}, "ppc64le": {"powerpc64le"},
}

// exactly returns the number that was written: through its text, for 0.1 as a
// float32 is 0.10000000149 as a float64.
func exactly(f float32) float64 {
	out, err := strconv.ParseFloat(strconv.FormatFloat(float64(f), 'g', -1, 32), 64)
	if err != nil {
		return float64(f)
	}
	return out
}
