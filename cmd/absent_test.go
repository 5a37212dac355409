package cmd

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// dockerCompose are the flags of docker compose 5.5 for the commands that
// gocompose has, hidden ones left out; the empty name is for those before the
// command.
func dockerCompose() map[string]string {
	return map[string]string{
		"": "all-resources ansi compatibility dry-run env-file file no-ansi parallel profile progress project-directory " +
			"project-name verbose version workdir",
		"create": "build force-recreate no-build no-recreate pull quiet-pull remove-orphans scale yes",
		"config": "environment format hash images lock-image-digests models networks no-consistency no-env-resolution " +
			"no-interpolate no-normalize no-path-resolution output profiles quiet resolve-image-digests services variables volumes",
		"attach":  "detach-keys index no-stdin sig-proxy",
		"exec":    "detach env index no-tty privileged user workdir",
		"down":    "remove-orphans rmi timeout volumes",
		"kill":    "remove-orphans signal",
		"logs":    "follow index no-color no-log-prefix since tail timestamps until",
		"ps":      "all filter format no-trunc orphans quiet services status",
		"restart": "no-deps timeout",
		"rm":      "force stop volumes",
		"run": "build cap-add cap-drop detach entrypoint env env-from-file interactive label name no-deps no-tty publish pull quiet " +
			"quiet-build quiet-pull remove-orphans rm service-ports use-aliases user volume workdir",
		"scale": "no-deps",
		"start": "wait wait-timeout",
		"stop":  "timeout",
		"up": "abort-on-container-exit abort-on-container-failure always-recreate-deps attach attach-dependencies build " +
			"detach exit-code-from force-recreate menu no-attach no-build no-color no-deps no-log-prefix no-recreate no-start " +
			"pull quiet-build quiet-pull remove-orphans renew-anon-volumes scale timeout timestamps wait wait-timeout watch yes",
		"version": "format short",
		"wait":    "down-project",
	}
}

const dockerCommands = "attach bridge build commit config cp create down events exec export images kill logs ls pause port ps " +
	"publish pull push restart rm run scale start stats stop top unpause up version volumes wait watch"

func TestEveryFlagOfDockerComposeIsThereOrNamedAsAbsent(t *testing.T) {
	root := (&app{}).root()
	for name, flags := range dockerCompose() {
		c := root
		if name != "" {
			c = command(t, root, name)
		}
		for _, flag := range strings.Fields(flags) {
			there := c.Flags().Lookup(flag) != nil || c.PersistentFlags().Lookup(flag) != nil
			if _, absent := absentFlags()[name][flag]; there == absent {
				t.Errorf("%q --%s: there %v, named as absent %v", name, flag, there, absent)
			}
		}
		for flag := range absentFlags()[name] {
			if !slices.Contains(strings.Fields(flags), flag) {
				t.Errorf("%q --%s is named as absent and is no flag of docker compose", name, flag)
			}
		}
	}
}

func TestEveryCommandOfDockerComposeIsThereOrNamedAsAbsent(t *testing.T) {
	root := (&app{}).root()
	for _, name := range strings.Fields(dockerCommands) {
		there := slices.ContainsFunc(root.Commands(), func(c *cobra.Command) bool { return c.Name() == name })
		absent := slices.ContainsFunc(absentCommands(), func(c absentCommand) bool { return c.name == name })
		if there == absent {
			t.Errorf("%s: there %v, named as absent %v", name, there, absent)
		}
	}
}

func command(t *testing.T, root *cobra.Command, name string) *cobra.Command {
	t.Helper()
	for _, c := range root.Commands() {
		if c.Name() == name {
			return c
		}
	}
	t.Fatalf("there is no command %s", name)
	return nil
}
