package cmd

import (
	"context"
	"os"
	"strconv"
	"strings"

	"github.com/gocompose/gocompose/project/loader"
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

// envBool reads a variable as docker compose does: 1 and true are yes.
func (a *app) envBool(name string) bool {
	v, err := strconv.ParseBool(a.getenv(name))
	return err == nil && v
}
