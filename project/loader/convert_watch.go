package loader

import (
	"path"
	"path/filepath"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

// watch returns what is done when files of the service change, for the command
// that does so.
func (p place) watch(s types.ServiceConfig) []project.Trigger {
	o := p.c.src.options
	if !o.Watch || s.Develop == nil || len(o.Services) > 0 && !slices.Contains(o.Services, s.Name) {
		return nil
	}
	var out []project.Trigger
	for i, t := range s.Develop.Watch {
		if one, ok := p.in("develop", "watch", index(i)).trigger(s, t); ok {
			out = append(out, one)
		}
	}
	return out
}

func (p place) trigger(s types.ServiceConfig, t types.Trigger) (project.Trigger, bool) {
	out := project.Trigger{
		Path:   filepath.Clean(p.c.src.inProject(t.Path)),
		Action: project.WatchAction(t.Action), Target: t.Target,
		Include: slices.Clone(t.Include), Ignore: slices.Clone(t.Ignore), InitialSync: t.InitialSync,
	}
	if s.Build != nil && s.Build.Context != "" {
		out.Context = filepath.Clean(p.c.src.inProject(s.Build.Context))
	}
	switch out.Action {
	case project.WatchSync, project.WatchRestart, project.WatchSyncRestart:
	case project.WatchRebuild:
		if s.Build == nil {
			p.in("action").problem("rebuild is for services that have a build; use sync, restart, sync+restart or sync+exec")
			return out, false
		}
	case project.WatchSyncExec:
		out.Exec = p.in("exec").command(t.Exec)
	default:
		p.in("action").problem("%q is not one of rebuild, sync, restart, sync+restart and sync+exec", out.Action)
		return out, false
	}
	if out.Syncs() && !path.IsAbs(out.Target) {
		p.in("target").problem("the path in the container is %q: want an absolute one", out.Target)
		return out, false
	}
	return out, true
}
