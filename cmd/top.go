package cmd

import (
	"cmp"
	"context"
	"os/user"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/internal/cgroup"
	"github.com/gocompose/gocompose/processes"
	"github.com/gocompose/gocompose/view"
)

func (a *app) topCommand() *cobra.Command {
	var live bool
	c := &cobra.Command{
		Use:   "top [OPTIONS] [SERVICES...]",
		Short: "Display the running processes",
		Long: "Lists what runs in the project's containers, those of `gocompose run` included, as the host sees it: with the numbers that\n" +
			"processes have outside, and users by the names that the host has for them. It needs no ps, here or in the container.\n\n" +
			"With --live the terminal shows instead all containers, how they are, and what they use, with the logs of the selected one.\n" +
			"Keys: up and down (or k and j) select, l shows and hides the logs, q and Ctrl-C end it.",
		Example: "  gocompose top web\n  gocompose top --live",
		RunE: func(c *cobra.Command, services []string) error {
			if live {
				return a.dashboard(c.Context(), services)
			}
			return a.top(c.Context(), services)
		},
	}
	c.Flags().BoolVar(&live, "live", false, "Show containers, what they use, and their logs on the whole terminal")
	return c
}

func (a *app) top(ctx context.Context, services []string) error {
	_, infos, err := a.ofServices(ctx, services)
	if err != nil {
		return err
	}
	where, err := a.paths()
	if err != nil {
		return err
	}
	groups, err := cgroup.Look()
	if err != nil {
		return err
	}
	slices.SortFunc(infos, func(x, y host.Info) int { return cmp.Compare(x.Name, y.Name) })
	var all []running
	for _, i := range infos {
		pids, err := groups.Group(host.CgroupOf(where, i.ID, i.Spec)).Processes()
		if err != nil {
			return err
		}
		in, err := processes.Read(pids)
		if err != nil {
			return err
		}
		for _, p := range in {
			all = append(all, running{i.Spec.Service, i.Spec.Replica, p})
		}
	}
	if len(all) == 0 {
		return nil
	}
	return processTable(all, time.Now(), userNames()).Write(a.Out)
}

// running is a process of a container.
type running struct {
	service string
	replica int
	processes.Process
}

// processTable has docker compose's columns: its own two, and those of ps -ef.
func processTable(all []running, now time.Time, name func(uid int) string) *view.Table {
	t := view.NewNarrowTable("SERVICE", "#", "UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD")
	for _, p := range all {
		t.Row(p.service, strconv.Itoa(p.replica), name(p.UID), strconv.Itoa(p.PID), strconv.Itoa(p.PPID),
			strconv.Itoa(p.Share(now)), p.StartTime(now), p.TTY, p.CPUTime(), p.Command)
	}
	return t
}

// maxUserName is how much of a user's name ps shows.
const maxUserName = 8

// userNames returns a function that tells the host's names of users; the number of
// those without.
func userNames() func(uid int) string {
	known := map[int]string{}
	return func(uid int) string {
		name, ok := known[uid]
		if !ok {
			name = strconv.Itoa(uid)
			if u, err := user.LookupId(name); err == nil {
				name = shortUserName(u.Username)
			}
			known[uid] = name
		}
		return name
	}
}

func shortUserName(name string) string {
	if len(name) > maxUserName {
		return name[:maxUserName-1] + "+"
	}
	return name
}
