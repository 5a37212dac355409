package main

import (
	"context"
	"strings"
	"sync"

	"github.com/moby/buildkit/cache"
	cacheconfig "github.com/moby/buildkit/cache/config"
	"github.com/moby/buildkit/executor"
	"github.com/moby/buildkit/exporter/containerimage"
	"github.com/moby/buildkit/frontend"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/snapshot"
	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/bklog"
	"github.com/moby/buildkit/util/leaseutil"
	"github.com/moby/buildkit/worker"
	"github.com/opencontainers/go-digest"
	"google.golang.org/protobuf/proto"
)

// aheadAttr begins the attributes of a build by which who asks for it says how its image
// will be packed, as the exporter's say it: "ahead:compression". Then its layers are packed
// while the steps behind them run.
const aheadAttr = "ahead:"

// ahead packs the layers of images as they are made. It knows them by the definitions that
// frontends have solved: only what the image itself consists of is packed, and nothing of
// other stages.
type ahead struct {
	leases      *leaseutil.Manager
	snapshotter snapshot.Snapshotter

	mu     sync.Mutex
	layers map[digest.Digest]cacheconfig.RefConfig // by the vertices that make them
}

// maxAhead bounds what is remembered: definitions do not say when they are done with. That of
// a large file has some hundred vertices.
const maxAhead = 10_000

func newAhead(leases *leaseutil.Manager, snapshotter snapshot.Snapshotter) *ahead {
	return &ahead{leases: leases, snapshotter: snapshotter, layers: map[digest.Digest]cacheconfig.RefConfig{}}
}

// note remembers which layers the result of a definition consists of. Of one of which nobody
// says how it will be packed none is: it may be attested, and what an operation has used is
// not told of one that is packed.
func (a *ahead) note(def *pb.Definition, as *cacheconfig.RefConfig) error {
	known := operations{}
	var last *pb.Op
	for _, data := range def.GetDef() {
		op := &pb.Op{}
		if err := proto.Unmarshal(data, op); err != nil {
			return err
		}
		known[digest.FromBytes(data)] = op
		last = op
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if as == nil {
		for vertex := range known {
			delete(a.layers, vertex)
		}
		return nil
	}
	if last == nil || last.Op != nil || len(last.Inputs) == 0 { // the last one only names the result
		return nil
	}
	if len(a.layers) > maxAhead {
		clear(a.layers)
	}
	for _, vertex := range known.layers(last.Inputs[0]) {
		a.layers[vertex] = *as
	}
	return nil
}

// operations are those of a definition, by their digests.
type operations map[digest.Digest]*pb.Op

// layers are the vertices that make the layers of an operation's output.
func (o operations) layers(of *pb.Input) []digest.Digest {
	vertex := digest.Digest(of.Digest)
	op := o[vertex]
	switch {
	case op.GetExec() != nil:
		return append(o.layers(execBase(op, of.Index)), vertex)
	case op.GetFile() != nil:
		return append(o.layers(fileBase(op, of.Index)), vertex)
	case op.GetMerge() != nil:
		var all []digest.Digest
		for _, in := range op.Inputs {
			all = append(all, o.layers(in)...)
		}
		return all
	}
	return nil // of a source, or of something that is seldom
}

// none is the input of what begins with an empty tree.
var none = &pb.Input{}

func input(op *pb.Op, index int64) *pb.Input {
	if index < 0 || index >= int64(len(op.Inputs)) {
		return none
	}
	return op.Inputs[index]
}

// execBase is what the output of a command is made on.
func execBase(op *pb.Op, output int64) *pb.Input {
	for _, m := range op.GetExec().Mounts {
		if m.Output == output && m.Dest == pb.RootMount {
			return input(op, m.Input)
		}
	}
	return none
}

// fileBase is what the output of copies and the like is made on: each is made on an input,
// or on what one before it has made.
func fileBase(op *pb.Op, output int64) *pb.Input {
	actions := op.GetFile().Actions
	for i := len(actions) - 1; i >= 0; i-- {
		if actions[i].Output != output {
			continue
		}
		base := actions[i].Input
		for first := int64(len(op.Inputs)); base >= first && base-first < int64(i); {
			base = actions[base-first].Input
		}
		return input(op, base)
	}
	return none
}

// as is how the layer that a vertex makes is to be packed, if it is.
func (a *ahead) as(vertex digest.Digest) (cacheconfig.RefConfig, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	as, ok := a.layers[vertex]
	return as, ok
}

// Packing a layer looks at all layers below it. It is worth that if there are few of them, or if
// the layer is large, in bytes.
const (
	fewLayers  = 20
	largeLayer = 1 << 20
)

// pack packs what a step has made, and does not wait for that: the exporter does. What does
// not succeed it tries again, and says.
func (a *ahead) pack(result solver.Result, as cacheconfig.RefConfig, s session.Group) {
	made, ok := result.Sys().(*worker.WorkerRef)
	if !ok || made.ImmutableRef == nil {
		return
	}
	ref := made.ImmutableRef.Clone()
	go func() {
		lease, ctx, err := leaseutil.NewLease(context.Background(), a.leases, leaseutil.MakeTemporary)
		if err == nil {
			err = a.packIfWorthIt(ctx, ref, as, s)
			_ = lease.Discard(ctx) // it ends by itself in an hour
		}
		if err != nil {
			bklog.G(ctx).Debugf("packing %s ahead: %v", ref.ID(), err)
		}
		_ = ref.Release(ctx) // as all refs are released
	}()
}

func (a *ahead) packIfWorthIt(ctx context.Context, ref cache.ImmutableRef, as cacheconfig.RefConfig, s session.Group) error {
	chain := ref.LayerChain()
	layers := len(chain)
	if err := chain.Release(ctx); err != nil {
		return err
	}
	if layers > fewLayers {
		if err := ref.Finalize(ctx); err != nil {
			return err
		}
		use, err := a.snapshotter.Usage(ctx, snapshotOf(ref))
		if err != nil || use.Size < largeLayer {
			return err
		}
	}
	_, err := ref.GetRemotes(ctx, true, as, false, s)
	return err
}

// packed is an operation whose result is packed as soon as it is made.
type packed struct {
	solver.Op

	ahead *ahead
	as    cacheconfig.RefConfig
}

func (p *packed) Exec(ctx context.Context, job solver.JobContext, inputs []solver.Result) ([]solver.Result, error) {
	outputs, err := p.Op.Exec(ctx, job, inputs)
	if err == nil && len(outputs) > 0 && outputs[0] != nil {
		p.ahead.pack(outputs[0], p.as, job.Session())
	}
	return outputs, err
}

// aheadFrontend has noted what the frontend solves, and how it will be packed if that is said.
type aheadFrontend struct {
	frontend.Frontend

	ahead *ahead
}

func (f *aheadFrontend) Solve(ctx context.Context, llb frontend.FrontendLLBBridge, exec executor.Executor, opt map[string]string, inputs map[string]*pb.Definition, sid string, sm *session.Manager) (*frontend.Result, error) {
	attrs := map[string]string{}
	for name, value := range opt {
		if name, ok := strings.CutPrefix(name, aheadAttr); ok {
			attrs[name] = value
		}
	}
	bridge := &aheadBridge{llb, f.ahead, nil}
	if len(attrs) > 0 {
		var as containerimage.ImageCommitOpts
		if _, err := as.Load(ctx, attrs); err != nil {
			return nil, err
		}
		bridge.as = &as.RefCfg
	}
	return f.Frontend.Solve(ctx, bridge, exec, opt, inputs, sid, sm)
}

type aheadBridge struct {
	frontend.FrontendLLBBridge

	ahead *ahead
	as    *cacheconfig.RefConfig
}

func (b *aheadBridge) Solve(ctx context.Context, r frontend.SolveRequest, sid string) (*frontend.Result, error) {
	if r.Definition != nil {
		if err := b.ahead.note(r.Definition, b.as); err != nil {
			return nil, err
		}
	}
	return b.FrontendLLBBridge.Solve(ctx, r, sid)
}
