package cmd

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/volumes"
)

// dockerVolume are the flags of docker 29's volume commands.
func dockerVolume() map[string]string {
	return map[string]string{
		"create": "availability driver group label limit-bytes name opt required-bytes scope secret sharing topology-preferred " +
			"topology-required type",
		"inspect": "format",
		"ls":      "cluster filter format quiet",
		"prune":   "all filter force",
		"rm":      "force",
	}
}

func TestEveryCommandAndFlagOfDockerVolumeIsThereOrNamedAsAbsent(t *testing.T) {
	volume := command(t, (&app{}).root(), "volume")
	for _, name := range strings.Fields("create inspect ls prune rm update") {
		there := slices.ContainsFunc(volume.Commands(), func(c *cobra.Command) bool { return c.Name() == name })
		absent := slices.ContainsFunc(absentVolumeCommands(), func(c absentCommand) bool { return c.name == name })
		if there == absent {
			t.Errorf("%s: there %v, named as absent %v", name, there, absent)
		}
	}
	for name, flags := range dockerVolume() {
		c := command(t, volume, name)
		absent := absentFlags()["volume "+name]
		for _, flag := range strings.Fields(flags) {
			if _, named := absent[flag]; named == (c.Flags().Lookup(flag) != nil) {
				t.Errorf("%s --%s: named as absent %v, and there %v", name, flag, named, !named)
			}
		}
	}
}

// someVolumes are one with everything, and one with nothing.
func someVolumes() []host.Volume {
	return []host.Volume{
		{
			Volume: volumes.Volume{
				Volume: project.Volume{
					Name: "shop_data", Key: "data", Project: "shop", Driver: "local",
					Options: map[string]string{"type": "none", "o": "bind", "device": "/srv"},
				},
				CreatedAt: time.Date(2026, 3, 4, 5, 6, 7, 89, time.UTC),
			},
			Mountpoint: "/var/lib/gocompose/volumes/shop_data/_data",
			AllLabels:  map[string]string{"com.docker.compose.project": "shop", "tier": "<back>"},
			Users:      []string{"shop-db-1"},
		},
		{
			Volume: volumes.Volume{
				Volume:    project.Volume{Name: "plain"},
				CreatedAt: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
			},
			Mountpoint: "/var/lib/gocompose/volumes/plain/_data",
		},
	}
}

func TestVolumesAreShownInDockersForms(t *testing.T) {
	var out bytes.Buffer
	a := &app{Streams: Streams{Out: &out}}
	all := someVolumes()
	inspected := []volumeInspection{inspectVolume(all[0]), inspectVolume(all[1])}
	for _, c := range []struct {
		what  string
		write func() error
		want  string
	}{
		{"inspect", func() error { return printResources(&out, rows{}, "json", inspected) },
			`[{"CreatedAt":"2026-03-04T05:06:07Z","Driver":"local","Labels":{"com.docker.compose.project":"shop","tier":"<back>"},` +
				`"Mountpoint":"/var/lib/gocompose/volumes/shop_data/_data","Name":"shop_data",` +
				`"Options":{"device":"/srv","o":"bind","type":"none"},"Scope":"local"},` +
				`{"CreatedAt":"2026-01-01T00:00:00Z","Driver":"local","Labels":null,` +
				`"Mountpoint":"/var/lib/gocompose/volumes/plain/_data","Name":"plain","Options":null,"Scope":"local"}]` + "\n"},
		{"ls --format json", func() error { return a.printVolumes(all[:1], volumeListFlags{format: "json"}, rows{}) },
			`{"Availability":"N/A","Driver":"local","Group":"N/A","Labels":"com.docker.compose.project=shop,tier=<back>","Links":"N/A",` +
				`"Mountpoint":"/var/lib/gocompose/volumes/shop_data/_data","Name":"shop_data","Scope":"local","Size":"N/A","Status":"N/A"}` + "\n"},
		{"ls", func() error { return a.printVolumes(all, volumeListFlags{format: "table"}, rows{}) },
			"DRIVER    VOLUME NAME\nlocal     shop_data\nlocal     plain\n"},
		{"ls -q", func() error { return a.printVolumes(all, volumeListFlags{format: "json", quiet: true}, rows{}) }, "shop_data\nplain\n"},
	} {
		out.Reset()
		if err := c.write(); err != nil || out.String() != c.want {
			t.Errorf("%s: %v\n%s\nwant:\n%s", c.what, err, out.String(), c.want)
		}
	}
	r, err := newRows(`table {{.Name}}\t{{.Label "tier"}}`)
	if err != nil {
		t.Fatal(err)
	}
	out.Reset()
	err = a.printVolumes(all[:1], volumeListFlags{format: `table {{.Name}}\t{{.Label "tier"}}`}, r)
	if want := "VOLUME NAME   tier\nshop_data     <back>\n"; err != nil || out.String() != want {
		t.Errorf("%q (%v), want %q", out.String(), err, want)
	}
}

func TestEveryFieldOfAVolumesRowHasAHeader(t *testing.T) {
	text, err := jsonText(volumeRow{})
	if err != nil {
		t.Fatal(err)
	}
	for field := range volumeHeaders() {
		if !strings.Contains(text, `"`+field+`":`) {
			t.Errorf("%s is no field of %s", field, text)
		}
	}
	if n := strings.Count(text, ":"); n != len(volumeHeaders()) {
		t.Errorf("%d headers for %s", len(volumeHeaders()), text)
	}
}

func TestVolumesAreFilteredAsDockerDoes(t *testing.T) {
	for filters, want := range map[string]string{
		"":                     "shop_data plain",
		"name=shop":            "shop_data",
		"name=^a":              "",
		"name=shop name=plain": "shop_data plain",
		"driver=local":         "shop_data plain",
		"driver=nfs":           "",
		"label=tier":           "shop_data",
		"label=tier=<back>":    "shop_data",
		"label=tier=front":     "",
		"label=tier label=com.docker.compose.none": "",
		"label!=tier":             "plain",
		"dangling=true":           "plain",
		"dangling=0":              "shop_data",
		"dangling=true name=shop": "",
	} {
		f, err := newVolumeFilters(strings.Fields(filters), []string{"dangling", "driver", "label", "label!", "name"})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range someVolumes() {
			if f.accept(v) {
				got = append(got, v.Name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", filters, got, want)
		}
	}
}

// Force is no way to data that is in use.
func TestAVolumeThatAContainerHasIsNotRemoved(t *testing.T) {
	for _, force := range []bool{false, true} {
		s := volumeRemovals(someVolumes(), []string{"plain", "shop_data", "nothing", "plain"}, force)
		if len(s.remove) != 1 || s.remove[0].Name != "plain" {
			t.Errorf("removed: %v", s.remove)
		}
		text := s.refused.Error()
		if !strings.Contains(text, "volume shop_data is in use by shop-db-1: remove them first") || strings.Contains(text, "nothing") == force {
			t.Errorf("force %v: %s", force, text)
		}
	}
}

func TestWhatAnAnswerMeansForAVolume(t *testing.T) {
	for text, want := range map[string]planner.VolumePolicy{
		"y\n": planner.VolumeAnew, "YES\n": planner.VolumeAnew, "y": planner.VolumeAnew,
		"n\n": planner.VolumeKept, "\n": planner.VolumeKept, "yesterday\n": planner.VolumeKept,
		"": planner.VolumeRefused, "n": planner.VolumeRefused,
	} {
		if got := policy(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
