//go:build live

package host_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/internal/livetest"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// Whatever the plan was, and whatever a name has come to stand for meanwhile: nothing is
// pulled, made or started that is not signed.
func TestWhatIsNotSignedIsNotUsed(t *testing.T) {
	w := open(t)
	signer := livetest.NewSigner(t)
	key, err := signer.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.PullImage(t.Context(), project.Image{Ref: w.image}, func(executor.Progress) {}); err != nil {
		t.Fatal(err)
	}
	spec := project.Container{Project: "trust", Service: "web", Replica: 1, Name: "trust-web-1", Image: w.image, Command: []string{"sleep", "1d"}}
	p := &project.Project{Name: "trust", Services: []project.Service{
		{Name: "web", Replicas: 1, Template: spec, Verify: project.Verify{Key: "k.pub", Content: key}},
	}}
	strict := w.WithTrust(p)
	ctx := t.Context()
	refuses := func(what string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "has no signature in its registry, and has to be signed by k.pub") {
			t.Errorf("%s: %v", what, err)
		}
	}
	verify := planner.VerifyImage{Ref: w.image, Policies: []project.Verify{p.Services[0].Verify}}
	err = strict.VerifyImage(ctx, verify)
	refuses("verifying", err)
	if !errors.Is(err, host.ErrUnverified) {
		t.Errorf("%v is no ErrUnverified", err)
	}
	refuses("pulling", strict.PullImage(ctx, project.Image{Ref: w.image}, nil))
	refuses("making", strict.CreateContainer(ctx, "trust-web-1.a", spec, nil))
	if err := w.CreateContainer(ctx, "trust-web-1.a", spec, nil); err != nil { // nobody asks
		t.Fatal(err)
	}
	defer func() {
		if err := w.RemoveContainer(ctx, "trust-web-1.a"); err != nil {
			t.Error(err)
		}
	}()
	refuses("starting", strict.StartContainer(ctx, "trust-web-1.a"))
	obs, err := strict.ObserveImages(ctx, p)
	if err != nil || len(obs.Verified[w.image]) != 0 {
		t.Errorf("it is known to be signed: %v, %v", obs.Verified, err)
	}

	_, repo, _ := strings.Cut(w.image, "/")
	digest, err := w.registry.Digest(repo)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.registry.Sign(signer, livetest.FormBundle, repo, digest); err != nil {
		t.Fatal(err)
	}
	if err := strict.StartContainer(ctx, "trust-web-1.a"); err != nil {
		t.Fatal(err)
	}
	if err := strict.StopContainer(ctx, "trust-web-1.a", 0); err != nil {
		t.Error(err)
	}
	if obs, err := strict.ObserveImages(ctx, p); err != nil || len(obs.Verified[w.image]) != 1 {
		t.Errorf("it is not known to be signed: %v, %v", obs.Verified, err)
	}
}
