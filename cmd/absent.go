package cmd

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gocompose/gocompose/internal/near"
)

// absentCommand is a command of docker compose that gocompose has not.
type absentCommand struct {
	name    string
	instead string // what to do; empty: nothing does the same
}

func absentCommands() []absentCommand {
	return []absentCommand{
		{"bridge", "`gocompose config` prints what other tools convert"},
	}
}

func allAbsentCommands() []absentCommand {
	return append(absentCommands(), absentAlphaCommands()...)
}

// absentAlphaCommands are those that docker compose tries out, and calls by
// itself.
func absentAlphaCommands() []absentCommand {
	return []absentCommand{
		{"alpha dry-run", "use `gocompose --dry-run up`, or another command with it"},
		{"alpha generate", "use `gocompose inspect`, which shows what containers were made with"},
		{"alpha publish", "use `gocompose publish`"},
		{"alpha watch", "use `gocompose watch`"},
		{"docker_compose_hooks", "it is how docker asks docker compose for hints"},
	}
}

// absentNetworkCommands are those of docker network.
func absentNetworkCommands() []absentCommand {
	const why = "containers are on the networks of their Compose file; name it there, and `gocompose up` connects them"
	return []absentCommand{{"connect", why}, {"disconnect", why}}
}

// absentContainerCommands are those of docker container.
func absentContainerCommands() []absentCommand {
	// By a service they are done in the order of what needs what.
	of := func(command string) absentCommand {
		return absentCommand{command, "use `gocompose -p PROJECT " + command + " SERVICE`"}
	}
	return []absentCommand{
		of("commit"), of("cp"), {"create", "use `gocompose create`"}, {"diff", ""}, of("export"),
		of("pause"), of("port"), {"prune", "use `gocompose container rm CONTAINER...`"},
		{"rename", "set container_name in the Compose file; `gocompose up` gives the container its new name"},
		of("restart"), {"run", "use `gocompose run`"}, of("start"), of("stats"), of("top"), of("unpause"),
		{"update", "change the Compose file, and `gocompose up` replaces what is changed"}, of("wait"),
	}
}

// absentVolumeCommands are those of docker volume.
func absentVolumeCommands() []absentCommand {
	return []absentCommand{{"update", "there is one host, and no swarm of them"}}
}

// absentImageCommands are those of docker image.
func absentImageCommands() []absentCommand {
	return []absentCommand{
		{"build", "give a service a `build` in a Compose file, and use `gocompose build`"},
		{"import", "an archive of files is no image: build one FROM scratch with the archive added, with `gocompose build`"},
	}
}

// absentBuilderCommands are those of docker builder.
func absentBuilderCommands() []absentCommand {
	return []absentCommand{{"build", "use `gocompose build`, which builds the images of services"}}
}

// absentSystemCommands are those of docker system.
func absentSystemCommands() []absentCommand {
	return []absentCommand{
		{"dial-stdio", "there is no daemon that could be talked to"},
		{"events", "use `gocompose events`, which is about a project"},
	}
}

// absentFlags are the flags of docker compose's commands that gocompose's
// commands of the same names have not, with what to do instead. The empty name
// is that of the flags before the command. Of "network create" and
// "volume create" they are docker's, with the reason.
func absentFlags() map[string]map[string]string {
	const (
		sizes     = "`gocompose system df --verbose` shows how much each container has written"
		plainHTTP = "a registry that speaks plain HTTP is named in certs.d/<host>/hosts.toml; one on this machine need not be"
		oneHost   = "there is one host, and no swarm of them"
	)
	return map[string]map[string]string{
		"":        {"insecure-registry": plainHTTP},
		"publish": {"insecure-registry": plainHTTP},
		"container exec": {
			"detach-keys": "a command that is left is hung up on; -d runs it in the background",
			"env-file":    "name the variables by -e",
		},
		"container inspect": {
			"size": sizes,
			"type": "there is one type: networks and volumes have commands of their own",
		},
		"container ls":   {"size": sizes},
		"container rm":   {"link": "links are of the Compose file, and go with it"},
		"container stop": {"signal": "it is stop_signal in the Compose file"},
		"container logs": {"details": "lines come with no attributes"},
		"network create": {
			"config-from": oneHost,
			"config-only": oneHost,
			"ingress":     oneHost,
			"scope":       oneHost,
			"ipam-opt":    "addresses are assigned by gocompose itself, which has no options for it",
		},
		"volume create": {
			"availability": oneHost, "group": oneHost, "limit-bytes": oneHost, "required-bytes": oneHost, "scope": oneHost,
			"secret": oneHost, "sharing": oneHost, "topology-preferred": oneHost, "topology-required": oneHost, "type": oneHost,
		},
		"volume ls":     {"cluster": oneHost},
		"builder du":    {"builder": "there is one", "timeout": "it is started when need be, and waited for"},
		"builder prune": {"builder": "there is one", "timeout": "it is started when need be, and waited for"},
		"image ls":      {"tree": "`gocompose image ls --format '{{.Repository}}:{{.Tag}} {{.Platform}}'` shows what is here for which platform"},
		"image load":    {"platform": "what the archive has for this host is loaded, and nothing else"},
		"image pull":    {"all-tags": "name the tags, of which there may be several", "disable-content-trust": "there is none that could be disabled"},
		"image push":    {"all-tags": "name the tags, of which there may be several", "disable-content-trust": "there is none that could be disabled"},
		"image rm": {"no-prune": "there are no parents without a name that could be kept",
			"platform": "a name goes with what it stands for on all platforms"},
	}
}

// knownCommand refuses arguments where a command is wanted.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if absent, ok := findAbsent(absentBelow(c), args); ok {
		text := absentText(c, fmt.Sprintf("command %q", absent.name))
		if absent.instead != "" {
			text += ": " + absent.instead
		}
		return usage("%s", text)
	}
	if absent, ok := findAbsent(foreignCommands(), args); ok && !c.HasParent() {
		return usage("the command %q is not supported: %s", absent.name, absent.instead)
	}
	text := fmt.Sprintf("unknown command %q for %q", args[0], c.CommandPath())
	return usage("%s%s", text, near.Question(args[0], commandNames(c)))
}

func absentBelow(c *cobra.Command) []absentCommand {
	switch pathOf(c) {
	case "":
		return allAbsentCommands()
	case "alpha":
		return absentOf("alpha", absentAlphaCommands())
	case "container":
		return absentContainerCommands()
	case "network":
		return absentNetworkCommands()
	case "volume":
		return absentVolumeCommands()
	case "builder":
		return absentBuilderCommands()
	case "image":
		return absentImageCommands()
	case "system":
		return absentSystemCommands()
	}
	return nil
}

// absentOf returns those that are below a command, by their names there.
func absentOf(parent string, all []absentCommand) []absentCommand {
	var below []absentCommand
	for _, c := range all {
		if name, ok := strings.CutPrefix(c.name, parent+" "); ok {
			below = append(below, absentCommand{name, c.instead})
		}
	}
	return below
}

// pathOf returns the command's words after the program's: "network create".
func pathOf(c *cobra.Command) string {
	_, path, _ := strings.Cut(c.CommandPath(), " ")
	return path
}

// absentText says that something of the program that c is like is not there.
func absentText(c *cobra.Command, what string) string {
	if ofDocker(c) {
		return "docker's " + what + " is not supported"
	}
	return "docker compose's " + what + " is not supported yet"
}

// ofDocker tells whether the command is like one of docker, not of docker compose.
func ofDocker(c *cobra.Command) bool {
	path := pathOf(c)
	kind, _, _ := strings.Cut(path, " ")
	return slices.Contains([]string{"builder", "container", "network", "volume", "image", "system"}, kind)
}

// absentLetters are the names of flags that are named as absent, by their letters.
func absentLetters() map[string]string {
	return map[string]string{
		"container inspect -s": "size",
		"container ls -s":      "size",
		"container rm -l":      "link",
		"container stop -s":    "signal",
	}
}

// flagError explains what is wrong with a flag.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return &usageError{err}
	}
	command := pathOf(c)
	name := unknown.GetSpecifiedName()
	if whole, ok := absentLetters()[command+" -"+name]; ok {
		name = whole
	}
	if instead, ok := absentFlags()[command][name]; ok {
		return usage("%s: %s", absentText(c, "flag --"+name), instead)
	}
	if err := errForeignFlag(c, name); err != nil {
		return err
	}
	if g := flagNamed(c.Root().Flags(), name); g != nil && c.HasParent() {
		return usage("%v; --%s goes before the command: gocompose --%s … %s", err, g.Name, g.Name, c.Name())
	}
	return usage("%v%s", err, questionOfFlag(c, name))
}

// flagNamed returns the flag with that name or that letter, or nil.
func flagNamed(flags *pflag.FlagSet, name string) *pflag.Flag {
	if len(name) == 1 {
		return flags.ShorthandLookup(name)
	}
	return flags.Lookup(name)
}
