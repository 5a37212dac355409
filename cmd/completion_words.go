package cmd

import (
	"cmp"
	"context"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/signal"
	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/project/loader"
)

// What a shell completes is found out quickly or not at all: the files are read
// without being checked, an engine that does not run is not asked, and what goes
// wrong is not told, since there is nobody to read it.

// model is what the Compose files have, as it stands there, or nil.
func (a *app) model(ctx context.Context) *loader.Model {
	a.globals.projectDir = cmp.Or(a.globals.projectDir, a.globals.workdir)
	opt, err := a.loadOptions()
	if err != nil {
		return nil
	}
	opt.Warn = func(string) {}
	opt.Stdin = strings.NewReader("") // is the shell's
	opt.Elsewhere.Fetch = nil         // takes too long
	m, err := loader.LoadModel(ctx, opt, loader.ModelOptions{NoInterpolate: true, NoConsistency: true, NoEnvResolution: true, NoPathResolution: true})
	if err != nil {
		return nil
	}
	return m
}

// running calls do with the host when its engine runs.
func (a *app) running(ctx context.Context, do func(*host.Host)) {
	cfg, err := a.hostConfig()
	if err != nil {
		return
	}
	h, err := host.OpenRunning(ctx, cfg)
	if err != nil {
		return
	}
	defer h.Close()
	do(h)
}

// existing returns the containers of the project, or of all.
func (a *app) existing(c *cobra.Command, all bool) (infos []host.Info) {
	name := ""
	if !all {
		opt, err := a.loadOptions()
		if err != nil {
			return nil
		}
		opt.Warn, opt.Stdin = func(string) {}, strings.NewReader("")
		opt.Elsewhere.Fetch = nil
		if name, err = loader.ProjectName(c.Context(), opt); err != nil {
			return nil
		}
	}
	a.running(c.Context(), func(h *host.Host) { infos, _ = h.Containers(c.Context(), name) })
	return infos
}

// serviceNames are those of the files, and of containers where there are none.
func (a *app) serviceNames(c *cobra.Command) []string {
	if m := a.model(c.Context()); m != nil {
		return m.Services()
	}
	var all []string
	for _, i := range a.existing(c, false) {
		all = append(all, i.Spec.Service)
	}
	return distinct(all)
}

func (a *app) profileNames(c *cobra.Command) []string {
	if m := a.model(c.Context()); m != nil {
		return m.Profiles()
	}
	return nil
}

func (a *app) containerNames(c *cobra.Command) []string {
	var all []string
	for _, i := range a.existing(c, true) {
		all = append(all, i.Name)
	}
	return distinct(all)
}

func (a *app) imageNames(c *cobra.Command) []string {
	var all []string
	a.running(c.Context(), func(h *host.Host) {
		found, _ := h.Images().List(c.Context())
		for _, i := range found {
			all = append(all, strings.TrimPrefix(strings.TrimPrefix(i.Ref, "docker.io/"), "library/"))
		}
	})
	return distinct(all)
}

// projectNames are those with containers or networks.
func (a *app) projectNames(c *cobra.Command) []string {
	var all []string
	a.running(c.Context(), func(h *host.Host) { all, _ = h.Projects(c.Context()) })
	nets, _ := a.networks(c.Context())
	for _, n := range nets {
		all = append(all, n.Project)
	}
	return distinct(all)
}

// completeIndex completes the number of a container of the service that the
// command names.
func (a *app) completeIndex(c *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	var all []string
	for _, i := range a.existing(c, false) {
		if i.Spec.Replica > 0 && (len(given) == 0 || i.Spec.Service == given[0]) {
			all = append(all, strconv.Itoa(i.Spec.Replica))
		}
	}
	return distinct(all), cobra.ShellCompDirectiveNoFileComp
}

func signalNames() []string {
	var all []string
	for name := range maps.Keys(signal.SignalMap) {
		if !strings.HasPrefix(name, "RT") {
			all = append(all, "SIG"+name)
		}
	}
	return distinct(all)
}

// distinct returns the words sorted, each once, and none that is empty.
func distinct(words []string) []string {
	slices.Sort(words)
	return slices.DeleteFunc(slices.Compact(words), func(w string) bool { return w == "" })
}

// choices are the values that the usage of a flag lists: in quotes, or between
// brackets.
func choices(usage string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`"([\w-]+)"`).FindAllStringSubmatch(usage, -1) {
		all = append(all, m[1])
	}
	if len(all) > 1 {
		return all
	}
	m := regexp.MustCompile(`[([]((?:[\w-]+(?:, | ?[|/] ?))+[\w-]+)[)\]]`).FindStringSubmatch(usage)
	if m == nil {
		return nil
	}
	return strings.FieldsFunc(m[1], func(r rune) bool { return strings.ContainsRune(" ,|/", r) })
}
