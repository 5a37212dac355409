package cmd

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
)

const dockerContainerCommands = "attach commit cp create diff exec export inspect kill logs ls pause port prune rename restart " +
	"rm run start stats stop top unpause update wait"

// dockerContainer are the flags of docker 29's container commands.
func dockerContainer() map[string]string {
	return map[string]string{
		"attach":  "detach-keys no-stdin sig-proxy",
		"exec":    "detach detach-keys env env-file interactive privileged tty user workdir",
		"inspect": "format size type",
		"kill":    "signal",
		"stop":    "signal timeout",
		"logs":    "details follow since tail timestamps until",
		"ls":      "all filter format last latest no-trunc quiet size",
		"rm":      "force link volumes",
	}
}

func TestEveryCommandAndFlagOfDockerContainerIsThereOrNamedAsAbsent(t *testing.T) {
	container := command(t, (&app{}).root(), "container")
	for _, name := range strings.Fields(dockerContainerCommands) {
		there := slices.ContainsFunc(container.Commands(), func(c *cobra.Command) bool { return c.Name() == name })
		absent := slices.ContainsFunc(absentContainerCommands(), func(c absentCommand) bool { return c.name == name })
		if there == absent {
			t.Errorf("%s: there %v, named as absent %v", name, there, absent)
		}
	}
	for name, flags := range dockerContainer() {
		c := command(t, container, name)
		absent := absentFlags()["container "+name]
		for _, flag := range strings.Fields(flags) {
			if _, named := absent[flag]; named == (c.Flags().Lookup(flag) != nil) {
				t.Errorf("%s --%s: named as absent %v, and there %v", name, flag, named, !named)
			}
		}
	}
}

func TestEveryFieldOfAContainersRowHasAHeader(t *testing.T) {
	text, err := jsonText(containerRow{})
	if err != nil {
		t.Fatal(err)
	}
	for field := range containerRowHeaders() {
		if !strings.Contains(text, `"`+field+`":`) {
			t.Errorf("%s is no field of %s", field, text)
		}
	}
	if n := strings.Count(text, ":"); n != len(containerRowHeaders()) {
		t.Errorf("%d headers for %s", len(containerRowHeaders()), text)
	}
}

func TestAContainerIsNamedByNameOrIDOrItsBeginning(t *testing.T) {
	all := []host.Info{checked(), neverStarted(), oneOff()}
	for name, want := range map[string]string{
		"shop-db-1":        "shop-db-1.a1b2c3",
		"/shop-db-1":       "shop-db-1.a1b2c3",
		"shop-db-1.a1b2c3": "shop-db-1.a1b2c3",
		"shop-d":           "shop-db-1.a1b2c3",
		"shop-web-1":       "shop-web-1.d4e5f6",
	} {
		if i, err := containerNamed(all, name); err != nil || i.ID != want {
			t.Errorf("%s: %s, %v", name, i.ID, err)
		}
	}
	for name, want := range map[string]string{
		"shop-web": "the IDs of 2 containers begin so",
		"":         "not found",
		"shop-db2": "container shop-db2 not found: `gocompose container ls -a`",
	} {
		if _, err := containerNamed(all, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestContainersAreFilteredAsDockerDoes(t *testing.T) {
	all := []host.Info{published(), neverStarted(), oneOff()}
	for filters, want := range map[string]string{
		"":                                       "db-1",
		"name=web":                               "",
		"status=created status=exited":           "ab web-1",
		"status=exited name=^/?shop-web":         "ab",
		"-a":                                     "ab db-1 web-1",
		"-a ancestor=web":                        "ab web-1",
		"-a ancestor=postgres:17":                "db-1",
		"-a ancestor=postgres:16":                "",
		"-a ancestor=sha256:0123":                "db-1",
		"-a before=shop-web-run-0123456789ab":    "db-1 web-1",
		"-a since=shop-db-1":                     "ab",
		"-a exited=3":                            "ab",
		"-a exited=0":                            "",
		"-a expose=9187":                         "db-1",
		"-a expose=5430-5440/tcp":                "db-1",
		"-a expose=5432/udp":                     "",
		"-a publish=49153":                       "db-1",
		"-a publish=5432":                        "db-1",
		"-a publish=9187":                        "",
		"-a publish=53/udp":                      "db-1",
		"-a health=unhealthy":                    "db-1",
		"-a health=none":                         "ab web-1",
		"-a id=d4e5":                             "web-1",
		"-a label=com.docker.compose.service=db": "db-1",
		"-a label=com.docker.compose.service label=no": "",
		"-a network=shop_back":                         "db-1",
		"-a volume=shop_data":                          "db-1",
		"-a volume=/cache":                             "db-1",
		"-a volume=9d8c":                               "db-1",
		"-n1":                                          "ab",
		"-l name=web-1":                                "web-1",
	} {
		f := containerListFlags{last: -1}
		var given []string
		for _, word := range strings.Fields(filters) {
			switch word {
			case "-a":
				f.all = true
			case "-n1":
				f.last = 1
			case "-l":
				f.latest = true
			default:
				given = append(given, word)
			}
		}
		accepted, err := newContainerFilters(given, all)
		if err != nil {
			t.Fatal(filters, err)
		}
		var got []string
		for _, i := range f.choose(all, accepted) {
			got = append(got, lastPart(i))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", filters, got, want)
		}
	}
}

// lastPart is what tells the containers of a project apart.
func lastPart(i host.Info) string {
	return strings.TrimPrefix(strings.TrimPrefix(i.Name, "shop-"), "web-run-0123456789")
}

func TestFiltersOfContainersThatMeanNothingAreRefused(t *testing.T) {
	for filter, want := range map[string]string{
		"colour=red":   `unknown filter "colour"`,
		"exited=x":     "exited=x",
		"health=good":  "want starting, healthy, unhealthy or none",
		"status=up":    "want paused, restarting",
		"expose=http":  "want a port",
		"name=(":       "error parsing regexp",
		"since=nobody": "container nobody not found",
	} {
		if _, err := newContainerFilters([]string{filter}, []host.Info{checked()}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", filter, err)
		}
	}
}

func TestAChangeOfContainersIsMadeToThoseThatItCanBe(t *testing.T) {
	all := []host.Info{checked(), neverStarted()}
	c := containerChange{refuses: func(i host.Info) error {
		if i.Running() {
			return errors.New(i.Name + " runs")
		}
		return nil
	}}
	found, err := c.find(all, []string{"shop-web-1", "shop-db-1", "nobody", "shop-web-1.d4e5f6"})
	if len(found) != 1 || found[0].named != "shop-web-1" {
		t.Error(found)
	}
	if err == nil || !strings.Contains(err.Error(), "shop-db-1 runs\ncontainer nobody not found") {
		t.Error(err)
	}
	c.force = true
	if _, err := c.find(all, []string{"nobody"}); err != nil {
		t.Error("with force:", err)
	}
	if _, err := c.find(all, []string{"shop-"}); err == nil {
		t.Error("with force nobody is asked which of two is meant")
	}
}
