package main

import (
	"context"
	"errors"
	"slices"
	"testing"

	cacheconfig "github.com/moby/buildkit/cache/config"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/compression"
	"github.com/opencontainers/go-digest"
	"google.golang.org/protobuf/proto"
)

// described returns, of the vertices of a definition, what they do: the first argument of a
// command, and the first path of a copy.
func described(t *testing.T, def *pb.Definition) map[digest.Digest]string {
	t.Helper()
	all := map[digest.Digest]string{}
	for _, data := range def.Def {
		var op pb.Op
		if err := proto.Unmarshal(data, &op); err != nil {
			t.Fatal(err)
		}
		switch {
		case op.GetExec() != nil:
			all[digest.FromBytes(data)] = op.GetExec().Meta.Args[0]
		case op.GetFile() != nil:
			all[digest.FromBytes(data)] = op.GetFile().Actions[0].GetCopy().GetSrc() + op.GetFile().Actions[0].GetMkdir().GetPath()
		}
	}
	return all
}

func command(s llb.State, name string, opts ...llb.RunOption) llb.ExecState {
	return s.Run(append(opts, llb.Args([]string{name}))...)
}

func TestTheLayersOfAnImageArePackedAheadAndNothingElse(t *testing.T) {
	base, files := llb.Image("base"), llb.Local("context")
	stage := command(base, "compile").Root().File(llb.Copy(files, "/unused", "/"))
	copied := command(base, "install").Root().File(llb.Copy(stage, "/made", "/"))
	image := command(copied, "configure", llb.AddMount("/src", stage)).Root().
		File(llb.Mkdir("/first", 0o755).Mkdir("/second", 0o755).Copy(files, "/last", "/"))
	linked := llb.Merge([]llb.State{image, llb.Scratch().File(llb.Copy(files, "/linked", "/"))})
	cache := command(copied, "test", llb.AddMount("/out", llb.Scratch()))
	for name, c := range map[string]struct {
		of   llb.State
		want []string
	}{
		"an image":            {image, []string{"/first", "/made", "configure", "install"}},
		"what is linked":      {command(linked, "after").Root(), []string{"/first", "/linked", "/made", "after", "configure", "install"}},
		"what lies beside":    {cache.GetMount("/out"), []string{"test"}},
		"nothing but a base":  {base, nil},
		"what is of no image": {llb.Scratch().File(llb.Mkdir("/alone", 0o755)), []string{"/alone"}},
	} {
		t.Run(name, func(t *testing.T) {
			def, err := c.of.Marshal(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			a, as := newAhead(nil, nil), cacheconfig.RefConfig{Compression: compression.New(compression.Gzip)}
			if err := a.note(def.ToPB(), &as); err != nil {
				t.Fatal(err)
			}
			var got []string
			for vertex, what := range described(t, def.ToPB()) {
				if as, ok := a.as(vertex); ok && as.Compression.Type == compression.Gzip {
					got = append(got, what)
				}
			}
			if slices.Sort(got); !slices.Equal(got, c.want) || len(a.layers) != len(c.want) {
				t.Errorf("%q are packed ahead, want %q", got, c.want)
			}
		})
	}
}

// A step that was packed ahead once may be one of an image that is to be attested.
func TestNothingIsPackedAheadForWhoDoesNotSayHow(t *testing.T) {
	def, err := command(command(llb.Image("base"), "first").Root(), "second").Root().Marshal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a := newAhead(nil, nil)
	if err := errors.Join(a.note(def.ToPB(), &cacheconfig.RefConfig{}), a.note(def.ToPB(), nil)); err != nil || len(a.layers) > 0 {
		t.Errorf("%v, packed ahead: %v", err, a.layers)
	}
}
