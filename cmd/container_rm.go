package cmd

import (
	"fmt"
	"time"

	"github.com/moby/sys/signal"
	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
)

func (a *app) containerRemoveCommand() *cobra.Command {
	var force, volumes bool
	c := &cobra.Command{
		Use:     "rm [OPTIONS] CONTAINER [CONTAINER...]",
		Aliases: []string{"remove"},
		Short:   "Remove one or more containers",
		Long: "Removes containers with their logs, and prints the names of those that have gone. One that runs stays, unless\n" +
			"--force is given, which ends it without grace. Volumes stay, but for the anonymous ones with --volumes.",
		Example:           "gocompose container rm shop-web-run-0123456789ab\ngocompose container rm --force --volumes shop-db-1",
		Args:              atLeastOne("CONTAINER"),
		ValidArgsFunction: a.completeContainers,
		RunE: func(c *cobra.Command, names []string) error {
			opt := planner.Options{Stop: force, Volumes: volumes, Timeout: new(time.Duration), NoHooks: force}
			return a.changeContainers(c.Context(), names, containerChange{
				title: "container rm", decide: planner.Remove, opt: opt, force: force,
				refuses: func(i host.Info) error {
					if i.Running() && !force {
						return fmt.Errorf("container %s is %s: stop it before it is removed, or use --force", i.Name, i.State)
					}
					return nil
				},
			})
		},
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "Force the removal of a running container (uses SIGKILL)")
	c.Flags().BoolVarP(&volumes, "volumes", "v", false, "Remove anonymous volumes associated with the container")
	return c
}

func (a *app) containerStopCommand() *cobra.Command {
	var seconds int
	c := &cobra.Command{
		Use:               "stop [OPTIONS] CONTAINER [CONTAINER...]",
		Short:             "Stop one or more running containers",
		Long:              "Stops containers without removing them, and has their restart policies rest.",
		Example:           "gocompose container stop --timeout 2 shop-web-1",
		Args:              atLeastOne("CONTAINER"),
		ValidArgsFunction: a.completeContainers,
		RunE: func(c *cobra.Command, names []string) error {
			within, err := grace(c, seconds)
			if err != nil {
				return err
			}
			return a.changeContainers(c.Context(), names, containerChange{
				title: "container stop", decide: planner.Stop, opt: planner.Options{Timeout: within},
				refuses: func(host.Info) error { return nil },
			})
		},
	}
	c.Flags().IntVarP(&seconds, "timeout", "t", 0, "Seconds to wait before killing the container")
	return c
}

func (a *app) containerKillCommand() *cobra.Command {
	var opt planner.Options
	c := &cobra.Command{
		Use:               "kill [OPTIONS] CONTAINER [CONTAINER...]",
		Short:             "Kill one or more running containers",
		Long:              "Ends containers at once, or sends them another signal, as `gocompose kill` does with those of services.",
		Example:           "gocompose container kill --signal SIGHUP shop-proxy-1",
		Args:              atLeastOne("CONTAINER"),
		ValidArgsFunction: a.completeContainers,
		RunE: func(c *cobra.Command, names []string) error {
			if _, err := signal.ParseSignal(opt.Signal); err != nil {
				return errNoSignal(opt.Signal)
			}
			return a.changeContainers(c.Context(), names, containerChange{
				title: "container kill", decide: planner.Kill, opt: opt,
				refuses: func(i host.Info) error {
					if !i.Running() {
						return fmt.Errorf("container %s is not running", i.Name)
					}
					return nil
				},
			})
		},
	}
	c.Flags().StringVarP(&opt.Signal, "signal", "s", planner.DefaultSignal, "Signal to send to the container")
	return c
}
