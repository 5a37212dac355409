package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/view"
)

func (a *app) networkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "network COMMAND",
		Short: "List, inspect, create and remove networks",
		Long: "Lists, inspects, creates and removes networks, as docker's commands of the same names do: those of projects and those\n" +
			"that Compose files use as external ones.",
		Args:                       knownCommand,
		SuggestionsMinimumDistance: 2,
		RunE:                       func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.networkCreateCommand(), a.networkInspectCommand(), a.networkListCommand(), a.networkPruneCommand(), a.networkRemoveCommand())
	return c
}

// networks returns all networks. Nothing is started for it.
func (a *app) networks(ctx context.Context) ([]host.Network, error) {
	cfg, err := a.hostConfig()
	if err != nil {
		return nil, err
	}
	return host.LookAtNetworks(ctx, cfg)
}

var errNoNetwork = errors.New("not found")

// networkNamed returns the network that has the name or the ID, or whose ID
// alone begins so.
func networkNamed(all []host.Network, name string) (host.Network, error) {
	for _, is := range []func(host.Network) bool{
		func(n host.Network) bool { return n.ID == name },
		func(n host.Network) bool { return n.Name == name },
	} {
		if i := slices.IndexFunc(all, is); i >= 0 {
			return all[i], nil
		}
	}
	var found []host.Network
	for _, n := range all {
		if name != "" && strings.HasPrefix(n.ID, name) {
			found = append(found, n)
		}
	}
	switch len(found) {
	case 0:
		return host.Network{}, fmt.Errorf("network %s %w: `gocompose network ls` lists those that there are", name, errNoNetwork)
	case 1:
		return found[0], nil
	}
	return host.Network{}, fmt.Errorf("network %s is ambiguous: the IDs of %d networks begin so; give more of it, or a name", name, len(found))
}

// completeNetworks completes names of networks that are not given yet.
func (a *app) completeNetworks(c *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	all, err := a.networks(c.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, n := range all {
		if !slices.Contains(given, n.Name) {
			names = append(names, n.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// networkSteps are the networks that a command makes and takes away.
type networkSteps struct {
	create, remove []project.Network
	// refused is what was asked for and cannot be; the rest is done.
	refused error
}

func (s networkSteps) empty() bool { return len(s.create)+len(s.remove) == 0 }

// projects are those whose networks are taken away.
func (s networkSteps) projects() []string {
	var names []string
	for _, n := range s.remove {
		names = append(names, n.Project)
	}
	return names
}

// networkChange is one command that changes networks.
type networkChange struct {
	title string
	// decide says what is to be done about the networks that there are. Without
	// their users it may say more than is done.
	decide func([]host.Network) networkSteps
	// confirm is asked whether to do it, while others are kept from changing
	// anything; nil: yes.
	confirm func(networkSteps) (bool, error)
}

// changeNetworks plans what c decides, has it carried out, and returns the steps
// that were planned. A network that cannot be made is taken away again. Where
// there is nothing to do it starts no engine.
func (a *app) changeNetworks(ctx context.Context, c networkChange) (networkSteps, error) {
	all, err := a.networks(ctx)
	if err != nil {
		return networkSteps{}, err
	}
	steps := c.decide(all)
	if a.globals.dryRun {
		return networkSteps{}, a.dryRunNetworks(ctx, c, steps)
	}
	if steps.empty() {
		_, err := c.confirmed(steps)
		return networkSteps{refused: steps.refused}, err
	}
	h, err := a.openHost(ctx)
	if err != nil {
		return networkSteps{}, err
	}
	defer h.Close()
	steps, unlock, err := a.decideLocked(ctx, h, c, steps)
	if err != nil {
		return networkSteps{}, err
	}
	defer unlock()
	if yes, err := c.confirmed(steps); !yes || err != nil {
		return networkSteps{refused: steps.refused}, err
	}
	if steps.empty() {
		return steps, nil
	}
	err = a.apply(ctx, h, planner.Networks(steps.create, steps.remove), change{title: c.title})
	if err != nil && len(steps.create) > 0 { // nobody would make it whole
		everything := func(planner.Op) bool { return true }
		undo := planner.Networks(nil, steps.create)
		err = errors.Join(err, a.apply(context.WithoutCancel(ctx), h, undo, change{title: c.title, hide: everything}))
	}
	return steps, err
}

func (c networkChange) confirmed(steps networkSteps) (bool, error) {
	if c.confirm == nil {
		return true, nil
	}
	return c.confirm(steps)
}

// decideLocked decides again while nobody else changes these networks or their
// projects, which may have come to others than the first time.
func (a *app) decideLocked(ctx context.Context, h *host.Host, c networkChange, first networkSteps) (networkSteps, func(), error) {
	where, err := a.paths()
	if err != nil {
		return networkSteps{}, nil, err
	}
	for {
		unlock, err := host.LockNetworks(ctx, where, first.projects(), func(what string) {
			a.warn(fmt.Sprintf("another command is changing %s: waiting for it to end", what))
		})
		if err != nil {
			return networkSteps{}, nil, err
		}
		all, err := h.Networks(ctx)
		if err != nil {
			unlock()
			return networkSteps{}, nil, err
		}
		steps := c.decide(all)
		if !slices.ContainsFunc(steps.projects(), func(p string) bool { return !slices.Contains(first.projects(), p) }) {
			return steps, unlock, nil
		}
		unlock()
		first = steps
	}
}

// dryRunNetworks shows what would be done. Where no engine ever ran it starts
// none.
func (a *app) dryRunNetworks(ctx context.Context, c networkChange, steps networkSteps) error {
	h, err := a.openExisting(ctx)
	if err != nil {
		return err
	}
	if h != nil {
		defer h.Close()
		all, err := h.Networks(ctx)
		if err != nil {
			return err
		}
		steps = c.decide(all)
	}
	w, opt := a.progress(change{title: c.title})
	return errors.Join(view.DryRun(w, planner.Networks(steps.create, steps.remove), opt), steps.refused)
}
