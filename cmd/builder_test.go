package cmd

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/gocompose/gocompose/buildkit"
)

func someCache() []buildkit.CacheRecord {
	now := time.Now()
	return []buildkit.CacheRecord{
		{ID: "front", Type: "frontend", Size: 1000, CreatedAt: time.Unix(0, 0), Shared: true},
		{ID: "old", Type: "regular", Size: 2000, Description: "RUN make\n  all", Parents: []string{"base"}, LastUsedAt: now.Add(-48 * time.Hour), UsageCount: 3},
		{ID: "mount", Type: "exec.cachemount", Size: 3000, Mutable: true, LastUsedAt: now.Add(-time.Minute)},
		{ID: "busy", Type: "source.local", Size: 4000, InUse: true, LastUsedAt: now},
	}
}

func cacheIDs(all []buildkit.CacheRecord) string {
	var ids []string
	for _, r := range all {
		ids = append(ids, r.ID)
	}
	return strings.Join(ids, " ")
}

func TestEveryFlagOfDockersBuildCacheIsThereOrNamedAsAbsent(t *testing.T) {
	root := (&app{}).root()
	for name, flags := range map[string]string{ // of docker builder and docker buildx, as of docker 29
		"du":    "builder filter format timeout verbose",
		"prune": "all builder filter force keep-storage max-used-space min-free-space reserved-space timeout verbose",
	} {
		c := command(t, command(t, root, "builder"), name)
		absent := absentFlags()["builder "+name]
		for _, flag := range strings.Fields(flags) {
			if _, named := absent[flag]; named == (c.Flags().Lookup(flag) != nil) {
				t.Errorf("%s --%s: named as absent %v, and there %v", name, flag, named, !named)
			}
		}
	}
}

func TestOnlyWhatNoBuildHasGoesOfTheCache(t *testing.T) {
	for _, tt := range []struct {
		filters string
		all     bool
		want    string
	}{
		{"", false, "old mount"},
		{"", true, "front old mount"},
		{"until=24h", true, "front old"}, // what was never used too
		{"unused-for=24h", false, "old"},
		{"type=exec.cachemount", false, "mount"},
		{"type=regular type=exec.cachemount", false, "old mount"},
		{"type=source.local", true, ""},
		{"inuse", true, ""},
		{"inuse=false", false, "old mount"},
		{"mutable", false, "mount"},
		{"immutable", false, "old"},
		{"shared", true, "front"},
		{"private", true, "old mount"},
		{"description=make", false, "old"},
		{"id=mo", false, "mount"},
		{"parents=base", false, "old"},
	} {
		p, err := newCachePruner(builderPruneFlags{all: tt.all, filter: strings.Fields(tt.filters)}, time.Now())
		if err != nil {
			t.Errorf("%s: %v", tt.filters, err)
			continue
		}
		if got := cacheIDs(p.decide(someCache())); got != tt.want {
			t.Errorf("%s, all %v: %q, want %q", tt.filters, tt.all, got, tt.want)
		}
	}
	for _, bad := range []builderPruneFlags{
		{filter: []string{"until=soon"}}, {filter: []string{"until="}}, {filter: []string{"inuse=perhaps"}}, {filter: []string{"name=x"}},
		{keep: "1GB", reserved: "2GB"}, {used: "much"}, {free: "-1GB"},
	} {
		if _, err := newCachePruner(bad, time.Now()); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
}

func TestBuildKitIsAskedForWhatWasNamedAlone(t *testing.T) {
	p, err := newCachePruner(builderPruneFlags{keep: "1GB", used: "2g", free: "10MB"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	got := p.prune(p.decide(someCache()))
	if !got.All || got.Reserved != 1<<30 || got.MaxUsed != 2<<30 || got.MinFree != 10<<20 || strings.Join(got.Filters, " ") != "id==old id==mount" {
		t.Errorf("%+v", got)
	}
	if none, err := newCachePruner(builderPruneFlags{}, time.Now()); err != nil || none.some() || !p.some() {
		t.Errorf("%+v: %v", none, err)
	}
}

func TestTheBuildCacheIsNamedBeforeItGoes(t *testing.T) {
	var out bytes.Buffer
	a := &app{Streams: Streams{Err: &out}}
	a.nameCache(someCache()[1:3], false)
	const want = "Going to remove of the build cache:\n  old  regular, 2kB, RUN make all\n  mount  exec.cachemount, 3kB\n"
	if out.String() != want {
		t.Errorf("%q", out.String())
	}
}

func TestTheBuildCacheIsShownInDockersForms(t *testing.T) {
	for _, tt := range []struct {
		format  string
		verbose bool
		want    string
	}{
		{"table", false, "ID        RECLAIMABLE   SIZE      LAST ACCESSED\n" +
			"front     true          1kB\n" +
			"old       true          2kB       2 days ago\n" +
			"mount*    true          3kB       About a minute ago\n" +
			"busy      false         4kB       Less than a second ago\n" +
			"Shared:\t\t1kB\nPrivate:\t9kB\nReclaimable:\t6kB\nTotal:\t\t10kB\n"},
		{"{{.ID}} {{.Type}} {{.Reclaimable}} {{.UsageCount}}", false, "front frontend true 0\nold regular true 3\nmount exec.cachemount true 0\nbusy source.local false 0\n"},
	} {
		r, err := listRows(tt.format)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := writeCache(&out, someCache(), tt.format, r, tt.verbose); err != nil || trimmed(out.String()) != trimmed(tt.want) {
			t.Errorf("%s: %v\n%s\nwant:\n%s", tt.format, err, out.String(), tt.want)
		}
	}
	var out bytes.Buffer
	if err := writeCache(&out, someCache()[:2], "json", rows{}, false); err != nil {
		t.Fatal(err)
	}
	const json = `{"CreatedAt":"1970-01-01T00:00:00Z","Description":"","ID":"front","InUse":false,"LastUsedAt":"","Mutable":false,"Parents":null,` +
		`"Reclaimable":true,"Shared":true,"Size":"1kB","Type":"frontend","UsageCount":0}`
	if first, _, _ := strings.Cut(out.String(), "\n"); first != json {
		t.Errorf("%s", first)
	}
	out.Reset()
	if err := writeCache(&out, someCache()[1:2], "table", rows{}, true); err != nil {
		t.Fatal(err)
	}
	const verbose = "ID:\t\told\nParent:\t\tbase\nCreated at:\t0001-01-01T00:00:00Z\nMutable:\tfalse\nReclaimable:\ttrue\nShared:\t\tfalse\nSize:\t\t2kB\n" +
		"Description:\tRUN make\n  all\nUsage count:\t3\nLast used:\t2 days ago\nType:\t\tregular\n\nReclaimable:\t2kB\nTotal:\t\t2kB\n"
	if out.String() != verbose {
		t.Errorf("%s", out.String())
	}
}

// trimmed is text without spaces at the ends of lines.
func trimmed(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		out = append(out, strings.TrimRight(line, " \n"))
	}
	return strings.Join(out, "\n")
}
