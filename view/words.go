package view

import (
	"strings"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// status is what a line of progress says about its resource, in the words of
// docker compose's JSON output.
type status string

const (
	working status = "Working"
	done    status = "Done"
	warning status = "Warning"
	failed  status = "Error"
)

// The texts of docker compose (pkg/api/event.go), which other tools match on.
const (
	textRecreate  = "Recreate"
	textRecreated = "Recreated"
	textRunning   = "Running"
	textError     = "Error"
	textSkipped   = "Skipped"
	textWarning   = "Warning"
	textRestart   = "Restarting"

	textInterrupted = "Interrupted" // ours
)

// doing and did are what a step says when it begins and when it is done.
func doing(v planner.Verb) string {
	switch v {
	case planner.VerbCreate:
		return "Creating"
	case planner.VerbRemove:
		return "Removing"
	case planner.VerbStart:
		return "Starting"
	case planner.VerbStop:
		return "Stopping"
	case planner.VerbPull:
		return "Pulling"
	case planner.VerbVerify:
		return "Verifying"
	case planner.VerbPush:
		return "Pushing"
	case planner.VerbBuild:
		return "Building"
	case planner.VerbKill:
		return "Killing"
	case planner.VerbPause:
		return "Pausing"
	case planner.VerbUnpause:
		return "Unpausing"
	case planner.VerbAwaitHealthy, planner.VerbAwaitCompleted, planner.VerbAwaitReady:
		return "Waiting"
	case planner.VerbPreStart:
		return "Running pre_start"
	case planner.VerbPostStart:
		return "Running post_start"
	case planner.VerbPreStop:
		return "Running pre_stop"
	case planner.VerbUp:
		return "Providing"
	case planner.VerbDown:
		return "Removing"
	default:
		return string(v)
	}
}

func did(v planner.Verb) string {
	switch v {
	case planner.VerbCreate:
		return "Created"
	case planner.VerbRemove:
		return "Removed"
	case planner.VerbStart:
		return "Started"
	case planner.VerbStop:
		return "Stopped"
	case planner.VerbPull:
		return "Pulled"
	case planner.VerbVerify:
		return "Verified"
	case planner.VerbPush:
		return "Pushed"
	case planner.VerbBuild:
		return "Built"
	case planner.VerbKill:
		return "Killed"
	case planner.VerbPause:
		return "Paused"
	case planner.VerbUnpause:
		return "Unpaused"
	case planner.VerbAwaitHealthy, planner.VerbAwaitReady:
		return "Healthy"
	case planner.VerbAwaitCompleted:
		return "Exited"
	case planner.VerbPreStart:
		return "Ran pre_start"
	case planner.VerbPostStart:
		return "Ran post_start"
	case planner.VerbPreStop:
		return "Ran pre_stop"
	case planner.VerbUp:
		return "Provided"
	case planner.VerbDown:
		return "Removed"
	default:
		return string(v)
	}
}

// label returns the name of what op is about as docker compose shows it:
// "Container shop-web-1", "Network shop_default", "Image nginx:1.27".
func label(op planner.Op) string {
	switch op := op.(type) {
	case planner.CreateContainer:
		return "Container " + op.Spec.Name
	case planner.StartContainer:
		return containerLabel(op.Container)
	case planner.StopContainer:
		return containerLabel(op.Container)
	case planner.RemoveContainer:
		return containerLabel(op.Container)
	case planner.AwaitContainer:
		return containerLabel(op.Container)
	case planner.KillContainer:
		return containerLabel(op.Container)
	case planner.PauseContainer:
		return containerLabel(op.Container)
	case planner.UnpauseContainer:
		return containerLabel(op.Container)
	case planner.RunHooks:
		return containerLabel(op.Container)
	case planner.RunInits:
		if op.Of.Kind == project.KindContainer {
			return containerLabel(planner.Ref{Name: op.Name, Target: op.Of})
		}
		return "Service " + op.Name
	case planner.RunProvider:
		return "Provider " + op.Target().Name
	case planner.BuildImage:
		name := planner.ShortImage(op.Target().Name)
		if !op.Build.Named {
			name = strings.Replace(name, ":latest", "", 1) // nobody has written it
		}
		return "Image " + name
	case planner.PullImage, planner.PushImage, planner.VerifyImage, planner.RemoveImage:
		return "Image " + planner.ShortImage(op.Target().Name)
	case planner.CreateNetwork, planner.RemoveNetwork:
		return "Network " + op.Target().Name
	case planner.CreateVolume, planner.RemoveVolume:
		return "Volume " + op.Target().Name
	default:
		return op.Target().String()
	}
}

// containerLabel keeps apart the two containers that one replica has after an
// interrupted replacement.
func containerLabel(c planner.Ref) string {
	if _, mark, extra := strings.Cut(c.Target.Name, "~"); extra {
		return "Container " + c.Name + "~" + mark
	}
	return "Container " + c.Name
}

// steps is what a plan does to one resource.
type steps struct {
	left     int // not yet settled
	replaced bool
	anew     bool // stopped and started again as it is
	skipped  bool // and said so
}

// resources sums a plan up by resource.
func resources(p *planner.Plan) map[project.ID]*steps {
	out := map[project.ID]*steps{}
	verbs := map[project.ID]map[planner.Verb]bool{}
	for _, s := range p.Steps {
		id := s.Op.Target()
		if out[id] == nil {
			out[id], verbs[id] = &steps{}, map[planner.Verb]bool{}
		}
		out[id].left++
		verbs[id][s.Op.Verb()] = true
	}
	for id, v := range verbs {
		made := v[planner.VerbCreate] || v[planner.VerbRemove]
		out[id].replaced = id.Kind == project.KindContainer && v[planner.VerbCreate] && v[planner.VerbRemove]
		out[id].anew = v[planner.VerbStop] && v[planner.VerbStart] && !made
	}
	return out
}
