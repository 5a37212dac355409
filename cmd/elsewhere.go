package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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

// trusts asks whether a project of files from elsewhere may have what it asks for of this
// host, and refuses where nobody can answer. What asks for nothing is not asked about.
func (a *app) trusts(ctx context.Context, c change, p *project.Project) error {
	if p == nil || p.Elsewhere == nil || c.yes || a.globals.dryRun {
		return nil
	}
	// Who builds, and starts nothing, is not asked about variables: docker compose does not.
	asked := c.provides && len(p.Elsewhere.Variables)+len(p.Elsewhere.Host) > 0 || c.builds.alone && len(p.Elsewhere.Builds) > 0
	if !asked && !(c.runsProviders && len(p.Providers) > 0) {
		return nil
	}
	a.showElsewhere(p.Elsewhere)
	if !a.asks() {
		return fmt.Errorf("nobody can be asked whether project %s may have this: %s", p.Name,
			cmp.Or(c.instead, "if it may, say so with `gocompose "+c.title+" --yes`"))
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
func (a *app) showElsewhere(e *project.Elsewhere) {
	fmt.Fprintln(a.Err, "The Compose files are from elsewhere:")
	for _, name := range e.Files {
		fmt.Fprintln(a.Err, "  "+printable(name))
	}
	if len(e.Variables) > 0 {
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
	if len(e.Host) > 0 {
		fmt.Fprintln(a.Err, "They ask this of the host:")
		for _, text := range e.Host {
			fmt.Fprintln(a.Err, "  "+printable(text))
		}
	}
}
