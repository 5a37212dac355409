package cmd

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/project/loader"
	"github.com/gocompose/gocompose/view"
)

// readDotEnv takes the COMPOSE_* variables of the project's env files, which in
// docker compose reach the command itself and not the files alone. What is
// wrong with those files is told by the commands that load the project.
func (a *app) readDotEnv(ctx context.Context) {
	opt, err := a.loadOptions()
	if err != nil {
		return
	}
	environ, err := loader.Environment(ctx, opt)
	if err != nil {
		return
	}
	a.composeEnv = map[string]string{}
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok && strings.HasPrefix(k, "COMPOSE_") {
			a.composeEnv[k] = v
		}
	}
}

// getenv returns a variable of the process or, when it has none, a COMPOSE_*
// variable of the project's env files.
func (a *app) getenv(name string) string {
	if v, ok := os.LookupEnv(name); ok {
		return v
	}
	return a.composeEnv[name]
}

// switches are the variables that are true or false.
func switches() []string {
	return []string{"COMPOSE_COMPATIBILITY", "COMPOSE_DISABLE_ENV_FILE", gitRemote, ociRemote,
		"COMPOSE_IGNORE_ORPHANS", "COMPOSE_MENU",
		"COMPOSE_REMOVE_ORPHANS", "COMPOSE_STATUS_STDOUT", "GOCOMPOSE_LOCKED"}
}

// checkSwitches refuses values that are neither, which docker compose takes for
// false.
func (a *app) checkSwitches() error {
	for _, name := range switches() {
		if v := a.getenv(name); v != "" {
			if _, err := strconv.ParseBool(v); err != nil {
				return usage("%s is %q: want true or false", name, v)
			}
		}
	}
	return nil
}

// envBool tells whether a variable, one of the switches, is true.
func (a *app) envBool(name string) bool {
	v, err := strconv.ParseBool(a.getenv(name))
	return err == nil && v
}

// warnOfElsewhere tells who has named another host, for docker, that it is this
// one where containers are.
func (a *app) warnOfElsewhere(c *cobra.Command) {
	if c.Hidden || slices.Contains([]string{"completion", "config", "help", "version"}, c.Name()) {
		return
	}
	if v := os.Getenv("DOCKER_HOST"); v != "" && !strings.HasPrefix(v, "unix://") {
		a.warn("DOCKER_HOST is " + v + ": no daemon is connected to, the containers of gocompose are on this host")
	}
	if v := os.Getenv("DOCKER_CONTEXT"); v != "" && v != "default" && os.Getenv("DOCKER_HOST") == "" {
		a.warn("DOCKER_CONTEXT is " + v + ": no daemon is connected to, the containers of gocompose are on this host")
	}
}

// tellFiles says, for --verbose, which files a project was made from.
func (a *app) tellFiles(p *project.Project) {
	if !a.globals.verbose || a.inJSON() || len(p.Services) == 0 {
		return
	}
	origin := p.Services[0].Template.Origin
	for _, file := range origin.ConfigFiles {
		fmt.Fprintln(a.Err, "compose file", file)
	}
	for _, file := range origin.EnvFiles {
		fmt.Fprintln(a.Err, "env file", file)
	}
}

// tellPlan says, for --verbose, what is going to be done, and why.
func (a *app) tellPlan(plan *planner.Plan) {
	if a.globals.verbose && !a.inJSON() {
		_ = view.Text(a.Err, plan) // there is nobody left to tell
	}
}
