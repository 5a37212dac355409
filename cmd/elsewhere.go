package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/project/loader"
	"github.com/gocompose/gocompose/remote"
)

// The switches of docker compose that turn files from elsewhere off.
const (
	gitRemote = "COMPOSE_EXPERIMENTAL_GIT_REMOTE"
	ociRemote = "COMPOSE_EXPERIMENTAL_OCI_REMOTE"
)

// elsewhere is how a command gets the files that are not on this host. What a name stands
// for is the same during all of it.
func (a *app) elsewhere() loader.Elsewhere {
	return loader.Elsewhere{Accepts: remote.Accepts, Shown: remote.Shown, Fetch: a.fetch}
}

func (a *app) fetch(ctx context.Context, name string) (loader.Fetched, error) {
	which := gitRemote
	if remote.IsArtifact(name) {
		which = ociRemote
	}
	if on, err := strconv.ParseBool(a.getenv(which)); err == nil && !on {
		return loader.Fetched{}, fmt.Errorf("%s is %s: files are not fetched from there", which, a.getenv(which))
	}
	files, err := a.files()
	if err != nil {
		return loader.Fetched{}, err
	}
	c, err := files.Fetch(ctx, name)
	return loader.Fetched{File: c.File, Root: c.Root, Mounts: c.Mounts, Pinned: c.Pinned, Source: c.Source}, err
}

// files are those that were fetched, and fetches more.
func (a *app) files() (*remote.Files, error) {
	if a.remote == nil {
		dir, err := remote.DefaultDir()
		if err != nil {
			return nil, fmt.Errorf("there is no folder to fetch files into: %w; set XDG_CACHE_HOME", err)
		}
		a.remote = &remote.Files{Dir: dir, Terminal: a.asks(), Warn: a.warn}
	}
	return a.remote, nil
}

// repositories are those that files of the project were fetched from: images may have been
// published with them.
func (a *app) repositories() []string {
	if a.remote == nil {
		return nil
	}
	return a.remote.Repositories()
}

// asking is what a command hands on of what files from elsewhere ask for, and so what the user is
// asked about.
type asking struct {
	title string // of the command
	// yes: it is granted; instead says what to do where nobody can be asked, if it is not to
	// give --yes.
	yes     bool
	instead string
	// variables: their values go to containers, into images, or to registries in names of images.
	variables bool
	host      []string // what of the host is used
	others    []string // other files that made what is here of the project, and is changed
}

// ofChange is what c asks about. Who only changes what exists hands on nothing, unless programs of
// providers are run.
func (a *app) ofChange(ctx context.Context, c change, p *project.Project) (asking, error) {
	ask := asking{title: c.title, yes: c.yes, instead: c.instead, variables: c.provides || c.uses}
	switch {
	case c.provides:
		ask.host = p.Elsewhere.Host
	case c.runsProviders && len(p.Elsewhere.Programs) > 0:
		ask.variables, ask.host = true, p.Elsewhere.Programs
	case c.builds.alone:
		ask.host = p.Elsewhere.Builds
	}
	if c.uses && !c.builds.alone || p.Elsewhere.NamedHere { // what is built is called by the project
		return ask, nil
	}
	var err error
	if ask.others, err = a.otherFiles(ctx, p); len(ask.others) > 0 && c.fileless {
		ask.instead = "for what is here no file is needed: name the project with -p instead"
	}
	return ask, err
}

// otherFiles returns where the files are that have made the containers of p which are here, if they
// are others: the name may be that of a project which has nothing to do with p.
func (a *app) otherFiles(ctx context.Context, p *project.Project) (others []string, err error) {
	if len(p.Services) == 0 {
		return nil, nil
	}
	h, err := a.openExisting(ctx)
	if h == nil || err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	infos, err := h.Containers(ctx, p.Name)
	for _, i := range infos {
		from := i.Spec.Origin.Folder()
		if from != "" && from != p.Services[0].Template.Origin.Folder() && !slices.Contains(others, from) {
			others = append(others, from)
		}
	}
	slices.Sort(others)
	return others, err
}

// trusts asks before a change whether a project of files from elsewhere may have what it asks for
// of this host.
func (a *app) trusts(ctx context.Context, c change, p *project.Project) error {
	if p == nil || p.Elsewhere == nil || c.yes || a.globals.dryRun {
		return nil
	}
	ask, err := a.ofChange(ctx, c, p)
	if err != nil {
		return err
	}
	return a.mayHave(ctx, ask, p.Name, p.Elsewhere)
}

// mayRead asks on behalf of a command that changes nothing here, and tells registries the names of
// images.
func (a *app) mayRead(ctx context.Context, title string, yes bool, name string, e *project.Elsewhere) error {
	return a.mayHave(ctx, asking{title: title, yes: yes, variables: true}, name, e)
}

// mayHave is where all commands ask, once they know what they hand on and before they do. It refuses
// where nobody can answer. What asks for nothing is not asked about: of a variable without a
// value nothing is handed on.
func (a *app) mayHave(ctx context.Context, ask asking, name string, e *project.Elsewhere) error {
	if e == nil || ask.yes {
		return nil
	}
	valued := func(v project.UsedVariable) bool {
		// The env files of the user's own project have a variable because the project reads it.
		return v.From != "" && !(e.Included && v.From == project.FromEnvFile)
	}
	if !(ask.variables && slices.ContainsFunc(e.Variables, valued)) && len(ask.host)+len(ask.others) == 0 {
		return nil
	}
	a.showElsewhere(ask, name, e)
	if !a.asks() {
		return fmt.Errorf("nobody can be asked whether project %s may have this: %s", name,
			cmp.Or(ask.instead, "if it may, say so with `gocompose "+ask.title+" --yes`"))
	}
	yes, err := a.ask(ctx, "May it have this?")
	if err == nil && !yes {
		err = errors.New("operation cancelled by user")
	}
	return err
}

// printable writes what would move the cursor as it is written in files: what is shown is
// from files that nobody trusts yet.
func printable(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.QuoteToGraphic(text)
	}
	return cmp.Or(text, "-")
}

// showElsewhere says what a project asks for, and no values.
func (a *app) showElsewhere(ask asking, name string, e *project.Elsewhere) {
	if e.Included {
		fmt.Fprintln(a.Err, "The Compose files include or extend files from elsewhere:")
	} else {
		fmt.Fprintln(a.Err, "The Compose files are from elsewhere:")
	}
	a.listed(e.Files)
	if ask.variables && len(e.Variables) > 0 {
		fmt.Fprintln(a.Err, "They read these variables:")
		w := tabwriter.NewWriter(a.Err, 0, 0, 3, ' ', 0)
		fmt.Fprintln(w, "  VARIABLE\tSOURCE\tREQUIRED\tDEFAULT")
		for _, v := range e.Variables {
			required := "no"
			if v.Required {
				required = "yes"
			}
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", printable(v.Name), printable(v.From), required, printable(v.Default))
		}
		_ = w.Flush() // there is nobody left to tell
	}
	if len(ask.host) > 0 {
		fmt.Fprintln(a.Err, "They ask this of the host:")
		a.listed(ask.host)
	}
	if len(ask.others) > 0 {
		fmt.Fprintf(a.Err, "They change project %s, whose containers here were made from other files, in:\n", name)
		a.listed(ask.others)
	}
}

func (a *app) listed(texts []string) {
	for _, text := range texts {
		fmt.Fprintln(a.Err, "  "+printable(text))
	}
}
