// Package watch tells what is to be done when files of the host change, by the
// develop.watch of a Compose file.
package watch

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"

	"github.com/gocompose/gocompose/project"
)

// Rules are the triggers of services. They know nothing of a clock or a disk.
type Rules struct{ list []rule }

// rule is one trigger of a service.
type rule struct {
	service string
	project.Trigger
	folder                   bool // Path was one when watching began
	include, ignore, context *patternmatcher.PatternMatcher
}

// Skipped is a trigger that is not watched, with the reason.
type Skipped struct{ Service, Path, Why string }

// Disk is what rules ask of the host once.
type Disk interface {
	// Folder tells whether the path is that of a folder; it is an error when there
	// is nothing.
	Folder(path string) (bool, error)
	// Ignored are the patterns of the .dockerignore in a folder, if it has one.
	Ignored(folder string) ([]string, error)
}

// New returns the rules of the services' triggers, and those that are none
// because the container has the very files mounted.
func New(services []project.Service, disk Disk) (*Rules, []Skipped, error) {
	r := &Rules{}
	var skipped []Skipped
	for _, s := range services {
		for _, t := range s.Watch {
			if t.Syncs() && bound(s.Template.Mounts, t.Path) {
				skipped = append(skipped, Skipped{s.Name, t.Path, "a bind mount has it in the container already"})
				continue
			}
			one, err := newRule(s.Name, t, disk)
			if err != nil {
				return nil, nil, fmt.Errorf("service %s: watching %s: %w", s.Name, t.Path, err)
			}
			r.list = append(r.list, one)
		}
	}
	return r, skipped, nil
}

// bound tells whether a path of the host is in one of the binds.
func bound(mounts []project.Mount, at string) bool {
	return slices.ContainsFunc(mounts, func(m project.Mount) bool {
		_, ok := below(at, m.Source)
		return m.Type == project.MountBind && ok
	})
}

func newRule(service string, t project.Trigger, disk Disk) (rule, error) {
	r := rule{service: service, Trigger: t}
	var err error
	if r.folder, err = disk.Folder(t.Path); err != nil {
		return r, err
	}
	var context []string
	if t.Context != "" {
		if context, err = disk.Ignored(t.Context); err != nil {
			return r, err
		}
	}
	for _, p := range []struct {
		into     **patternmatcher.PatternMatcher
		patterns []string
	}{{&r.include, t.Include}, {&r.ignore, t.Ignore}, {&r.context, context}} {
		if len(p.patterns) == 0 {
			continue
		}
		if *p.into, err = patternmatcher.New(p.patterns); err != nil {
			return r, err
		}
	}
	return r, nil
}

// below returns a path relative to a folder that it is in, or is: ".".
func below(at, folder string) (string, bool) {
	if at == folder {
		return ".", true
	}
	rest, ok := strings.CutPrefix(at, strings.TrimSuffix(folder, "/")+"/")
	return rest, ok
}

// Empty tells whether there is nothing to be watched.
func (r *Rules) Empty() bool { return len(r.list) == 0 }

// Paths are the files and folders that are watched, each once, and the folders
// with all in them.
func (r *Rules) Paths() []string {
	var out []string
	for _, one := range r.list {
		out = append(out, one.Path)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Looks tells whether anything in a folder can matter.
func (r *Rules) Looks(folder string) bool {
	return slices.ContainsFunc(r.list, func(one rule) bool {
		rel, ok := below(folder, one.Path)
		return ok && !one.passes(folder, rel)
	})
}

// passes tells whether all in a folder is ignored.
func (r rule) passes(folder, rel string) bool {
	if temporary(rel) {
		return true
	}
	for _, p := range []struct {
		patterns *patternmatcher.PatternMatcher
		base     string
	}{{r.ignore, r.Path}, {r.context, r.Context}} {
		if rel, ok := below(folder, p.base); ok && matches(p.patterns, rel) && !p.patterns.Exclusions() {
			return true
		}
	}
	return false
}

// meant tells whether a change of the path counts, and returns it relative to the
// trigger's.
func (r rule) meant(at string) (rel string, ok bool) {
	rel, ok = below(at, r.Path)
	if !ok || temporary(rel) || matches(r.ignore, rel) {
		return "", false
	}
	if in, ok := below(at, r.Context); ok && matches(r.context, in) {
		return "", false
	}
	return rel, r.include == nil || matches(r.include, rel)
}

// matches tells whether a relative path, or a folder that it is in, is among the
// patterns. The base of all of them, ".", never is.
func matches(p *patternmatcher.PatternMatcher, rel string) bool {
	if p == nil || rel == "." {
		return false
	}
	ok, err := p.MatchesOrParentMatches(rel)
	return ok && err == nil
}

// temporary tells whether a path is of what version control and editors make for
// themselves: emacs' locks and autosaves, vim's swap files, backups and probe,
// kate's swap files, the copies and the folder of JetBrains' editors, what sed -i
// writes first, and gocompose's own.
func temporary(rel string) bool {
	for part := range strings.SplitSeq(rel, "/") {
		if part == ".git" || part == ".idea" {
			return true
		}
	}
	name := path.Base(rel)
	switch {
	case name == "4913", strings.HasSuffix(name, "~"), strings.HasPrefix(name, ".#"), strings.HasSuffix(name, ".kate-swp"),
		len(name) > 1 && strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#"),
		strings.HasSuffix(name, "___jb_tmp___"), strings.HasSuffix(name, "___jb_old___"),
		strings.HasSuffix(name, "-go-tmp-umask"), strings.HasPrefix(name, ".gocompose-"):
		return true
	}
	return swap(name)
}

// swap tells whether the name is that of a file in which vim keeps what is not
// saved: ".name.swp", then .swo and so on.
func swap(name string) bool {
	ext := filepath.Ext(name)
	return strings.HasPrefix(name, ".") && len(name) > len(ext) && slices.Contains([]string{".swp", ".swo", ".swn", ".swx"}, ext)
}
