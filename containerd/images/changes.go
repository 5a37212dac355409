package images

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/mattn/go-shellwords"
	"github.com/moby/sys/signal"
)

// changes are the instructions of a Dockerfile that only change how containers
// are run.
func changes() map[string]func(r *runs, args string) error {
	return map[string]func(r *runs, args string) error{
		"CMD": func(r *runs, args string) (err error) {
			r.Cmd, err = r.command(args)
			return err
		},
		"ENTRYPOINT": func(r *runs, args string) (err error) {
			r.Entrypoint, err = r.command(args)
			r.Cmd = nil
			return err
		},
		"ENV": func(r *runs, args string) error {
			return pairs(args, r.setEnv)
		},
		"LABEL": func(r *runs, args string) error {
			return pairs(args, func(name, value string) { put(&r.Labels, name, value) })
		},
		"EXPOSE": func(r *runs, args string) error {
			for _, port := range strings.Fields(args) {
				if !strings.Contains(port, "/") {
					port += "/tcp"
				}
				put(&r.ExposedPorts, port, struct{}{})
			}
			return nil
		},
		"VOLUME": func(r *runs, args string) error {
			list, ok := jsonList(args)
			if !ok {
				list = strings.Fields(args)
			}
			for _, v := range list {
				put(&r.Volumes, v, struct{}{})
			}
			return nil
		},
		"ONBUILD": func(r *runs, args string) error {
			r.OnBuild = append(r.OnBuild, args)
			return nil
		},
		"STOPSIGNAL": func(r *runs, args string) error {
			_, err := signal.ParseSignal(args)
			r.StopSignal = args
			return err
		},
		"USER": func(r *runs, args string) error {
			r.User = args
			return nil
		},
		"WORKDIR": func(r *runs, args string) error {
			if !path.IsAbs(args) {
				args = path.Join("/", r.WorkingDir, args)
			}
			r.WorkingDir = path.Clean(args)
			return nil
		},
	}
}

// parseChanges reads instructions like `CMD ["sh"]`, and returns what they do.
func parseChanges(lines []string) (func(*runs) error, error) {
	all := changes()
	apply := func(r *runs) error {
		for _, line := range lines {
			word, args := instruction(line)
			if err := all[word](r, args); err != nil {
				return fmt.Errorf("change %q: %w", line, err)
			}
		}
		return nil
	}
	for _, line := range lines {
		word, args := instruction(line)
		if all[word] == nil {
			return nil, fmt.Errorf("change %q: only CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR can be changed so", line)
		}
		if args == "" {
			return nil, fmt.Errorf("change %q: %s needs a value", line, word)
		}
	}
	return apply, apply(&runs{}) // what is wrong is told before anything is done
}

func instruction(line string) (word, args string) {
	word, args, _ = strings.Cut(strings.TrimSpace(line), " ")
	return strings.ToUpper(word), strings.TrimSpace(args)
}

// command reads a list in JSON, or a line for the shell.
func (r *runs) command(args string) ([]string, error) {
	if list, ok := jsonList(args); ok {
		return list, nil
	}
	shell := r.Shell
	if len(shell) == 0 {
		shell = []string{"/bin/sh", "-c"}
	}
	return append(shell[:len(shell):len(shell)], args), nil
}

func jsonList(args string) (list []string, ok bool) {
	return list, json.Unmarshal([]byte(args), &list) == nil && list != nil
}

// pairs reads `NAME=value OTHER="a value"`, or the old form `NAME a value`.
func pairs(args string, set func(name, value string)) error {
	if name, value, ok := strings.Cut(args, " "); ok && !strings.Contains(name, "=") {
		set(name, strings.TrimSpace(value))
		return nil
	}
	words, err := shellwords.NewParser().Parse(args)
	if err != nil {
		return err
	}
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		if !ok || name == "" {
			return fmt.Errorf("%q is not NAME=value", word)
		}
		set(name, value)
	}
	return nil
}
