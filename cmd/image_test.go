package cmd

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
)

const idOfA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// testImages are a with two names, of which a container has one, b, and one without a
// name. They are from 0, 1 and 2 hours ago.
func testImages() []host.Image {
	now := time.Now()
	b, c := "sha256:"+strings.Repeat("b", 64), "sha256:"+strings.Repeat("c", 64)
	img := func(ref, id string, hours int, users ...string) host.Image {
		return host.Image{Users: users, Image: images.Image{
			Ref: ref, ID: id, Target: "sha256:" + strings.Repeat("1", 64), Size: 1_500_000, Platform: "linux/amd64",
			CreatedAt: now.Add(-time.Duration(hours) * time.Hour), Config: ocispec.ImageConfig{Labels: map[string]string{"of": ref[:1]}},
		}}
	}
	return []host.Image{
		img("docker.io/library/a:1", idOfA, 0, "shop-web-1"), img("reg.example:5000/x/a:2", idOfA, 0),
		img("docker.io/library/b:1", b, 1), img(c, c, 2),
	}
}

func refs(ops []planner.RemoveImage) string {
	var out []string
	for _, op := range ops {
		out = append(out, planner.ShortImage(op.Ref)[:min(len(planner.ShortImage(op.Ref)), 9)])
	}
	return strings.Join(out, " ")
}

func TestImagesThatContainersHaveAreNotPruned(t *testing.T) {
	for _, tt := range []struct {
		all    bool
		filter []string
		want   string
	}{
		{want: "sha256:cc"},
		{all: true, want: "b:1 sha256:cc"},
		{all: true, filter: []string{"label=of=d"}, want: "b:1"}, // docker.io/…
		{all: true, filter: []string{"label!=of=d"}, want: "sha256:cc"},
		{all: true, filter: []string{"until=90m"}, want: "sha256:cc"},
	} {
		f, err := newImageFilters(tt.filter, []string{"label", "label!", "until"}, nil, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if got := refs(unusedImages(testImages(), f, tt.all)); got != tt.want {
			t.Errorf("%v %v: %q, want %q", tt.all, tt.filter, got, tt.want)
		}
	}
}

func TestImagesThatACommandIsAboutToUseAreNotPruned(t *testing.T) {
	all := testImages()
	all[2].Needed = []string{"project shop"}
	if got := refs(unusedImages(all, nil, true)); got != "sha256:cc" {
		t.Errorf("%q", got)
	}
	s := imageRemovals(all, []string{"b:1"}, false)
	if want := "another command needs image b:1 for project shop: wait for that to end, or use --force"; len(s.remove) > 0 || s.refused == nil || s.refused.Error() != want {
		t.Errorf("%v: %v", s.remove, s.refused)
	}
	if got := refs(imageRemovals(all, []string{"b:1"}, true).remove); got != "b:1" {
		t.Errorf("%q", got)
	}
}

func TestImagesAreRemovedByNameAndByID(t *testing.T) {
	for _, tt := range []struct {
		refs     []string
		force    bool
		want     string
		problems string
	}{
		{refs: []string{"b:1", "bbbb"}, want: "b:1"},
		{refs: []string{"a:1"}, problems: "image a:1 is in use by shop-web-1: remove them first, or use --force"},
		{refs: []string{"a:1"}, force: true, want: "a:1"},
		{refs: []string{"reg.example:5000/x/a:2"}, want: "reg.examp"},
		{refs: []string{"aaaa"}, problems: "image aaaa has 2 names: remove them by name: a:1, reg.example:5000/x/a:2; or use --force"},
		{refs: []string{"sha256:aaaa"}, force: true, want: "a:1 reg.examp"},
		{refs: []string{"none", "b"}, problems: "image none is not on this host: pull it, or load it with \"gocompose image load\""},
		{refs: []string{"none"}, force: true},
	} {
		s := imageRemovals(testImages(), tt.refs, tt.force)
		problems := ""
		if s.refused != nil {
			problems, _, _ = strings.Cut(s.refused.Error(), "\n")
		}
		if refs(s.remove) != tt.want && tt.refs[0] != "none" || problems != tt.problems {
			t.Errorf("%q: %q and %q, want %q and %q", tt.refs, refs(s.remove), problems, tt.want, tt.problems)
		}
	}
}

func TestWhatIsGoneIsUntaggedAndWithItsLastNameDeleted(t *testing.T) {
	all := testImages()
	var out bytes.Buffer
	writeGone(&out, all, []string{all[0].Ref, all[2].Ref})
	if want := "Untagged: a:1\nUntagged: b:1\nDeleted: " + all[2].ID + "\n"; out.String() != want {
		t.Errorf("%s", out.String())
	}
	out.Reset()
	writeGone(&out, all, []string{all[0].Ref, all[1].Ref, all[3].Ref})
	if want := "Untagged: a:1\nUntagged: reg.example:5000/x/a:2\nDeleted: " + idOfA + "\nDeleted: " + all[3].ID + "\n"; out.String() != want {
		t.Errorf("%s", out.String())
	}
}

func TestAPartThatOthersHaveIsNotFreed(t *testing.T) {
	gone := images.Parts{"base": 10, "a": 1, "b": 2}
	for left, want := range map[string]int64{"": 13, "base": 3, "a base other": 2, "a b base": 0} {
		there := images.Parts{}
		for _, part := range strings.Fields(left) {
			there[part] = 1 // what others have of that name is not measured here
		}
		if got := without(gone, there); got != want {
			t.Errorf("%q: %d, want %d", left, got, want)
		}
	}
}

func TestImagesAreListedInDockersForm(t *testing.T) {
	all := testImages()
	for _, tt := range []struct {
		format           string
		digests, foreign bool
		want             string
	}{
		{"table", false, false, "REPOSITORY           TAG     IMAGE ID      CREATED                 SIZE\n" +
			"a                    1       aaaaaaaaaaaa  Less than a second ago  1.5MB\n" +
			"reg.example:5000/x/a 2       aaaaaaaaaaaa  Less than a second ago  1.5MB\n" +
			"<none>               <none>  cccccccccccc  2 hours ago             1.5MB\n"},
		{"{{.Repository}}:{{.Tag}} {{.Digest}} {{.Platform}}", false, false, "a:1 sha256:1111111111111111111111111111111111111111111111111111111111111111 linux/amd64\n" +
			"reg.example:5000/x/a:2 sha256:1111111111111111111111111111111111111111111111111111111111111111 linux/amd64\n<none>:<none> <none> linux/amd64\n"},
	} {
		r, err := listRows(tt.format)
		if err != nil {
			t.Fatal(err)
		}
		var rows []imageRow
		for _, i := range slices.Delete(slices.Clone(all), 2, 3) {
			rows = append(rows, imageRowOf(i, false))
		}
		var out bytes.Buffer
		if err := imageTable(tt.digests, tt.foreign).write(&out, rows, tt.format, r); err != nil {
			t.Fatal(err)
		}
		if squeezed(out.String()) != squeezed(tt.want) {
			t.Errorf("%s\n%s", tt.format, out.String())
		}
	}
}

// squeezed is text without the spaces that make columns.
func squeezed(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.Join(strings.Fields(l), " ")
	}
	return strings.Join(lines, "\n")
}

func TestImageFilters(t *testing.T) {
	all := testImages()
	find := func(ref string) (host.Image, error) {
		found, err := imagesNamed(all, ref)
		if err != nil {
			return host.Image{}, err
		}
		return found[0], nil
	}
	keys := []string{"before", "since", "dangling", "reference"}
	for filter, want := range map[string]string{
		"before=b:1": "sha256:cc", "since=b:1": "a:1 reg.examp", "dangling=true": "sha256:cc", "dangling=false": "a:1 reg.examp b:1",
		"reference=*:1": "a:1 b:1", "reference=reg.example:5000/*/a": "reg.examp", "reference=b": "b:1",
	} {
		f, err := newImageFilters([]string{filter}, keys, find, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		var kept []planner.RemoveImage
		for _, i := range all {
			if f.accept(i) {
				kept = append(kept, planner.RemoveImage{Ref: i.Ref})
			}
		}
		if got := refs(kept); got != want {
			t.Errorf("%s: %q, want %q", filter, got, want)
		}
	}
	for _, bad := range []string{"before=none", "dangling=perhaps", "reference=[", "size=3", "dangling"} {
		if _, err := newImageFilters([]string{bad}, keys, find, time.Now()); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

func TestAHistoryBeginsWithTheLastStep(t *testing.T) {
	at := time.Now().Add(-3 * time.Hour)
	d := images.Details{Image: images.Image{ID: idOfA}, Sizes: []int64{2000, 500}, History: []ocispec.History{
		{CreatedBy: "ADD rootfs.tar / " + strings.Repeat("x", 60), Created: &at},
		{CreatedBy: "ENV A=b", Created: &at, EmptyLayer: true},
		{CreatedBy: "COPY a b", Comment: "last"},
	}}
	var out bytes.Buffer
	if err := historyTable().write(&out, historyOf(d, imageHistoryFlags{human: true}), "table", rows{}); err != nil {
		t.Fatal(err)
	}
	want := "IMAGE CREATED CREATED BY SIZE COMMENT\n" +
		"aaaaaaaaaaaa N/A COPY a b 500B last\n" +
		"<missing> 3 hours ago ENV A=b 0B\n" +
		"<missing> 3 hours ago ADD rootfs.tar / " + strings.Repeat("x", 27) + "… 2kB\n"
	if squeezed(out.String()) != want {
		t.Errorf("%s", out.String())
	}
	raw := historyOf(d, imageHistoryFlags{whole: true})
	if raw[2].Size != "2000" || raw[0].ID != idOfA || !strings.HasSuffix(raw[2].CreatedBy, "xx") || raw[2].CreatedSince != at.Local().Format(time.RFC3339) {
		t.Errorf("%+v", raw)
	}
}

func TestAnImageIsInspectedInDockersForm(t *testing.T) {
	d := images.Details{
		Image: images.Image{
			ID: idOfA, Platform: "linux/arm/v7", Size: 5, Shell: []string{"sh"},
			Config: ocispec.ImageConfig{Env: []string{"A=b"}, Cmd: []string{"run"}},
		},
		Names: []images.Name{
			{Ref: "docker.io/library/a:1", Target: "sha256:1"}, {Ref: "docker.io/library/a:2", Target: "sha256:1"},
			{Ref: "docker.io/library/b@sha256:" + strings.Repeat("2", 64), Target: "sha256:1"},
		},
		Layers: []string{"sha256:l"}, Variant: "v7",
	}
	for format, want := range map[string]string{
		"{{.Config.Env}} {{.Config.Cmd}} {{json .Config.Shell}}":   `[A=b] [run] ["sh"]`,
		"{{.Id}} {{.Architecture}}/{{.Variant}} {{.Os}} {{.Size}}": idOfA + " arm/v7 linux 5",
		"{{.ID}} {{.RepoTags}} {{.RepoDigests}}":                   idOfA + " [a:1 a:2] [a@sha256:1 b@sha256:1]",
		"{{.RootFS.Type}} {{.RootFS.Layers}}":                      "layers [sha256:l]",
	} {
		r, err := inspectionRows(format)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := printResources(&out, r, format, []imageInspection{inspectImage(d)}); err != nil || strings.TrimSpace(out.String()) != want {
			t.Errorf("%s: %v %s", format, err, out.String())
		}
	}
}
