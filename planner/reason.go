package planner

import (
	"fmt"

	"github.com/gocompose/gocompose/project"
)

// Cause classifies a Reason.
type Cause string

const (
	Missing     Cause = "missing"     // wanted, not there
	Changed     Cause = "changed"     // there, not as wanted; Field says where
	Unwanted    Cause = "unwanted"    // there, not wanted: above the scale
	Orphaned    Cause = "orphaned"    // there, of a service that the files do not define
	Interrupted Cause = "interrupted" // left by a replacement that was not finished
	NotRunning  Cause = "not-running" // wanted running, there, not running
	Follows     Cause = "follows"     // because of what happens to Of
	Requested   Cause = "requested"   // the user asked for it by a flag or verb
	Paused      Cause = "paused"      // wanted running, there, paused
	Needed      Cause = "needed"      // Of, which is started, needs it to be so
	CutOff      Cause = "cut-off"     // a namespace it shares is not its owner's any more
	HooksDue    Cause = "hooks-due"   // running, and its post_start did not come to its end
	CutShort    Cause = "cut-short"   // left by a pre_start that a killed command was running
	Over        Cause = "over"        // of a run: of no use to anybody any more
	Policy      Cause = "policy"      // its restart policy, To, brings it back after a reboot
	Signed      Cause = "signed"      // it has to be signed by To
	Due         Cause = "due"         // its pull policy, To, has it pulled; the last time was From
)

// Reason is one reason for a step. It is comparable.
type Reason struct {
	Cause Cause `json:"cause"`
	// Field is the attribute that differs, by its name in a Compose file:
	// "image", "environment.DEBUG". From and To are its values, both empty
	// when they must not or need not be shown: those of variables, labels and
	// commands may be secret.
	Field string `json:"field,omitempty"`
	From  string `json:"from,omitempty"`
	To    string `json:"to,omitempty"`
	// Content: it is what is in Field that differs, a secret or a config.
	Content bool `json:"content,omitempty"`
	// Of is the resource that is followed, or the service in need; zero but for
	// Follows and Needed.
	Of project.ID `json:"of,omitzero"`
}

// String returns the reason for people: "image: web:1 -> web:2".
func (r Reason) String() string {
	switch r.Cause {
	case Changed:
		if r.Content {
			return r.Field + ": content changed"
		}
		if r.From == "" && r.To == "" {
			return r.Field + " changed"
		}
		return fmt.Sprintf("%s: %s -> %s", r.Field, orNone(r.From), orNone(r.To))
	case Follows:
		return "follows " + r.Of.String()
	case Needed:
		return "needed by " + r.Of.String()
	case Signed:
		return "has to be signed by " + r.To
	case Policy:
		return "restart policy " + r.To
	case Due:
		if r.From == "" {
			return "pull_policy " + r.To
		}
		return fmt.Sprintf("pull_policy %s, and pulled %s", r.To, r.From)
	case CutOff:
		return "cut off from what it shares"
	case HooksDue:
		return "post_start did not finish"
	case CutShort:
		return "left by a pre_start that was cut short"
	case Over:
		return "left by a run that is over"
	case NotRunning:
		return "not running"
	case Unwanted:
		return "above the scale"
	case Orphaned:
		return "orphan"
	case Interrupted:
		return "left by an interrupted replacement"
	default:
		return string(r.Cause)
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// because returns a reason that has no details.
func because(c Cause) []Reason { return []Reason{{Cause: c}} }

// neededBy returns the reason to wait for what a service needs.
func neededBy(service string) Reason {
	return Reason{Cause: Needed, Of: project.ID{Kind: project.KindService, Name: service}}
}

// following returns the reason of what happens because of id.
func following(id project.ID) Reason { return Reason{Cause: Follows, Of: id} }
