package view

import (
	"encoding/json"
	"io"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// planVersion is raised when a reader of the JSON form must change. Fields may
// be added without.
const planVersion = 1

// planJSON is a plan for programs. It holds no values of variables, labels or
// commands: only what the types below name comes out.
type planJSON struct {
	Version   int              `json:"version"`
	Project   string           `json:"project"`
	Changes   []changeJSON     `json:"changes"`
	Steps     []stepJSON       `json:"steps"`
	Unchanged []project.ID     `json:"unchanged"`
	Notices   []planner.Notice `json:"notices"`
}

type changeJSON struct {
	ID     project.ID       `json:"id"`
	Action string           `json:"action"`
	Why    []planner.Reason `json:"why"`
}

type stepJSON struct {
	ID     planner.StepID `json:"id"`
	Verb   planner.Verb   `json:"verb"`
	Target project.ID     `json:"target"`
	// Needs must have been done before the step begins; After must have ended,
	// well or not, and is left out when there are none.
	Needs []planner.StepID `json:"needs"`
	After []planner.StepID `json:"after,omitempty"`
	Why   []planner.Reason `json:"why"`
	Op    opJSON           `json:"op"`
}

// opJSON is what may be told of an operation.
type opJSON struct {
	Container    string            `json:"container,omitempty"` // the runtime's identifier
	Name         string            `json:"name,omitempty"`      // of the container
	Image        string            `json:"image,omitempty"`
	Platform     string            `json:"platform,omitempty"`     // of the image; empty: the host's own
	Inherit      map[string]string `json:"inherit,omitempty"`      // mount target: anonymous volume
	GraceSeconds *float64          `json:"graceSeconds,omitempty"` // below zero: for ever
	Until        project.Condition `json:"until,omitempty"`        // what is waited for
	Optional     bool              `json:"optional,omitempty"`     // that it fails is a warning
	Signal       string            `json:"signal,omitempty"`
	Service      string            `json:"service,omitempty"` // whose image is built
	Tags         []string          `json:"tags,omitempty"`    // its further names
	Context      string            `json:"context,omitempty"`
	Dockerfile   string            `json:"dockerfile,omitempty"`
	Target       string            `json:"target,omitempty"` // the stage that is built
}

// JSON writes p for programs, as one indented object; see planVersion.
func JSON(w io.Writer, p *planner.Plan) error {
	out := planJSON{
		Version: planVersion, Project: p.Project,
		Changes: []changeJSON{}, Steps: []stepJSON{}, Unchanged: []project.ID{}, Notices: []planner.Notice{},
	}
	for _, c := range p.Changes() {
		out.Changes = append(out.Changes, changeJSON{c.ID, actionName(c.Action), c.Why})
	}
	for _, s := range p.Steps {
		needs := append([]planner.StepID{}, s.Needs...)
		out.Steps = append(out.Steps, stepJSON{s.ID(), s.Op.Verb(), s.Op.Target(), needs, s.After, s.Why, safe(s.Op)})
	}
	for _, c := range p.Unchanged {
		out.Unchanged = append(out.Unchanged, c.Target)
	}
	out.Notices = append(out.Notices, p.Notices...)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

func actionName(a planner.Action) string {
	switch a {
	case planner.Add:
		return "create"
	case planner.Delete:
		return "remove"
	case planner.Replace:
		return "replace"
	case planner.Run:
		return "start"
	case planner.Halt:
		return "stop"
	case planner.Fetch:
		return "pull"
	case planner.Send:
		return "push"
	case planner.Check:
		return "verify"
	case planner.Build:
		return "build"
	case planner.Signal:
		return "kill"
	case planner.Freeze:
		return "pause"
	case planner.Thaw:
		return "unpause"
	case planner.Prepare:
		return "prepare"
	case planner.Provide:
		return "provide"
	default:
		return "wait"
	}
}

func safe(op planner.Op) opJSON {
	switch op := op.(type) {
	case planner.CreateContainer:
		return opJSON{Container: op.ID, Name: op.Spec.Name, Image: op.Spec.Image, Platform: op.Spec.Platform, Inherit: op.Inherit}
	case planner.StartContainer:
		return opJSON{Container: op.Container.ID, Name: op.Container.Name}
	case planner.StopContainer:
		grace := op.Grace.Seconds()
		return opJSON{Container: op.Container.ID, Name: op.Container.Name, GraceSeconds: &grace}
	case planner.RemoveContainer:
		return opJSON{Container: op.Container.ID, Name: op.Container.Name}
	case planner.AwaitContainer:
		return opJSON{Container: op.Container.ID, Name: op.Container.Name, Until: op.Until, Optional: op.Optional}
	case planner.KillContainer:
		return opJSON{Container: op.Container.ID, Name: op.Container.Name, Signal: op.Signal}
	case planner.PauseContainer:
		return opJSON{Container: op.Container.ID, Name: op.Container.Name}
	case planner.UnpauseContainer:
		return opJSON{Container: op.Container.ID, Name: op.Container.Name}
	case planner.RunHooks:
		return opJSON{Container: op.Container.ID, Name: op.Container.Name}
	case planner.PullImage:
		return opJSON{Image: op.Ref, Platform: op.Platform, Optional: op.Optional}
	case planner.PushImage:
		return opJSON{Image: op.Ref, Platform: op.Platform, Optional: op.Optional}
	case planner.VerifyImage:
		return opJSON{Image: op.Ref, Platform: op.Platform}
	case planner.BuildImage:
		return opJSON{
			Image: op.Ref, Platform: op.Platform, Service: op.Service, Tags: op.Build.Tags,
			Context: op.Build.ShownContext(), Dockerfile: op.Build.Dockerfile, Target: op.Build.Target,
		}
	case planner.RemoveImage:
		return opJSON{Image: op.Ref}
	default:
		return opJSON{} // the target says it all
	}
}
