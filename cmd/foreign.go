package cmd

import (
	"cmp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// foreignCommands are those of docker, not of docker compose, and of other
// programs like it, that people are used to, with what is there instead.
func foreignCommands() []absentCommand {
	const (
		oneHost = "there is one host, and no swarm of them"
		build   = "give a service a `build` in a Compose file, and use `gocompose build`"
		engine  = "there is no daemon to choose; --address, or CONTAINERD_ADDRESS, names another containerd"
		ofOne   = "a container's settings are those of its service: change the Compose file, and `gocompose up` applies it"
	)
	return []absentCommand{
		{"buildx", build}, {"buildctl", build},
		{"checkpoint", "containers are not saved while they run"},
		{"compose", "leave the word out: `gocompose up`"},
		{"context", engine},
		{"diff", "`gocompose exec SERVICE` looks into a container"},
		{"import", "an archive of files is no image: `gocompose image load` reads those that save wrote"},
		{"info", "use `gocompose system info`"},
		{"load", "use `gocompose image load`"},
		{"manifest", "images are made with other tools"},
		{"node", oneHost}, {"service", oneHost}, {"stack", oneHost}, {"swarm", oneHost},
		{"secret", "secrets are those of the Compose file"},
		{"plugin", "there are none; what runs as a service of its own is described in docs/providers.md"},
		{"rename", ofOne}, {"update", ofOne},
		{"rmi", "use `gocompose image rm`"},
		{"search", "registries are searched on their own pages"},
		{"systemd", "use `gocompose system install`"},
		{"trust", "the Compose file says by whom images have to be signed, and `gocompose lock` pins them: docs/trust.md"},
	}
}

// foreignFlags are docker's own flags before the command, and those of the
// docker-compose of old.
func foreignFlags() map[string]string {
	const (
		noDaemon = "there is no daemon to connect to; --address, or CONTAINERD_ADDRESS, names another containerd on this host"
		noTLS    = "nothing is connected to over the network but registries, whose certificates are described by hosts.toml files"
	)
	return map[string]string{
		"config":              "it names docker's folder of settings, of which only credentials are used: DOCKER_CONFIG names it",
		"context":             noDaemon,
		"host":                noDaemon,
		"debug":               "`gocompose plan` shows what a command does, `gocompose system status` what there is",
		"log-level":           "`gocompose plan` shows what a command does, `gocompose system status` what there is",
		"skip-hostname-check": noTLS,
		"tls":                 noTLS, "tlscacert": noTLS, "tlscert": noTLS, "tlskey": noTLS, "tlsverify": noTLS,
	}
}

// foreignLetters are the short forms of foreignFlags.
func foreignLetters() map[string]string {
	return map[string]string{"c": "context", "H": "host", "D": "debug", "l": "log-level"}
}

// errForeignFlag says why a flag of docker makes no sense here; nil: it is none.
func errForeignFlag(c *cobra.Command, name string) error {
	if c.HasParent() {
		return nil
	}
	name = cmp.Or(foreignLetters()[name], name)
	why, ok := foreignFlags()[name]
	if !ok {
		return nil
	}
	return usage("docker's flag --%s is not supported: %s", name, why)
}

// findAbsent returns the command that the arguments name with the most words.
func findAbsent(all []absentCommand, args []string) (absentCommand, bool) {
	var found absentCommand
	for _, c := range all {
		words := strings.Fields(c.name)
		if len(words) <= len(args) && slices.Equal(words, args[:len(words)]) && len(c.name) > len(found.name) {
			found = c
		}
	}
	return found, found.name != ""
}
