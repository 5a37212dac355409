package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gocompose/gocompose/project"
)

// patience is how long a program that is to end may take, and how long what it
// has left behind may hold on to its output.
const patience = 10 * time.Second

// lastWords is how many of the last lines of standard error stand in an error.
const lastWords = 5

// Run has a provider do something and returns the variables that it sets, by the
// names that dependents know them by. What it says goes to print, from any
// goroutine. When ctx ends, so do its processes.
func Run(ctx context.Context, p project.Provider, action project.ProviderAction, print func(string)) (map[string]string, error) {
	program, err := Find(p.Type)
	if err != nil {
		return nil, err
	}
	args, err := arguments(p, action, describe(ctx, program, p.Env))
	if err != nil {
		return nil, err
	}
	a := newAnswer(p.Name, print)
	var last []string
	out := &lines{each: a.line}
	said := &lines{each: func(line string) {
		print(line)
		last = append(last, line)
		last = last[max(0, len(last)-lastWords):]
	}}
	cmd := command(ctx, program, p.Env, args...)
	cmd.Stdout, cmd.Stderr = out, said
	err = cmd.Run()
	if ctx.Err() != nil {
		if cmd.Process != nil {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // those of the group that are left, if any
		}
		return nil, ctx.Err()
	}
	out.end()
	said.end()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // it has ended well; what it left in the background has not
	}
	switch {
	case len(a.problems) > 0:
		return nil, fmt.Errorf("%s: %s", program, strings.Join(a.problems, "; "))
	case err != nil && len(last) > 0:
		return nil, fmt.Errorf("%s: %w: %s", program, err, strings.Join(last, "; "))
	case err != nil:
		return nil, fmt.Errorf("%s: %w, and it did not say why; run `%[1]s compose %[3]s` by hand to see", program, err, action)
	case a.err != nil:
		return nil, fmt.Errorf("%s: %w", program, a.err)
	}
	return a.variables, nil
}

// command is a process in a group of its own, which ends with ctx.
func command(ctx context.Context, program string, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = patience
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	return cmd
}

// description is what a provider says of itself, if it does.
type description struct {
	Description string
	Up, Down    struct{ Parameters []parameter }
}

type parameter struct {
	Name     string
	Required bool
}

// of returns the parameters of an action; all is true when it takes any.
func (d description) of(action project.ProviderAction) (list []parameter, all bool) {
	if d.Description == "" && d.Up.Parameters == nil && d.Down.Parameters == nil {
		return nil, true
	}
	if action == project.ProviderDown {
		return d.Down.Parameters, false
	}
	return d.Up.Parameters, false
}

// describe asks a provider. Not every one knows the question.
func describe(ctx context.Context, program string, env []string) description {
	var d description
	text, err := command(ctx, program, env, "compose", "metadata").Output()
	if err != nil || json.Unmarshal(text, &d) != nil {
		return description{}
	}
	return d
}

// arguments are those of the program: options that it does not have for the action
// are left out.
func arguments(p project.Provider, action project.ProviderAction, d description) ([]string, error) {
	list, all := d.of(action)
	for _, has := range list {
		if _, given := p.Options[has.Name]; has.Required && !given {
			return nil, fmt.Errorf("provider type %s needs the option %s; give it in services.%s.provider.options", p.Type, has.Name, p.Name)
		}
	}
	args := []string{"compose", "--project-name=" + p.Project, string(action)}
	for _, name := range slices.Sorted(maps.Keys(p.Options)) {
		if !all && !slices.ContainsFunc(list, func(has parameter) bool { return has.Name == name }) {
			continue
		}
		for _, value := range p.Options[name] {
			args = append(args, "--"+name+"="+value)
		}
	}
	return append(args, p.Name), nil
}
