package host

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gocompose/gocompose/buildkit"
	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/containerd/registry"
	"github.com/gocompose/gocompose/internal/programs"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/signatures"
)

// trust is by whom images have to be signed, for a project. Its zero value: by nobody.
type trust struct {
	project *project.Project // nil: there is no policy
}

// WithTrust returns the same host, which uses images for the services of p only when they
// are signed as p says.
func (h *Host) WithTrust(p *project.Project) *Host {
	with := *h
	with.trust = trust{}
	if p != nil && slices.ContainsFunc(p.Services, func(s project.Service) bool { return s.Verify != (project.Verify{}) }) {
		with.trust.project = p
	}
	return &with
}

// of returns the policy of a service, if any.
func (t trust) of(service string) []project.Verify {
	return t.policies(func(s project.Service) bool { return s.Name == service })
}

// on returns the policies of all services that have the image.
func (t trust) on(image project.Image) []project.Verify {
	return t.policies(func(s project.Service) bool { return slices.Contains(s.Template.AllImages(), image) })
}

func (t trust) policies(meant func(project.Service) bool) []project.Verify {
	var out []project.Verify
	if t.project == nil {
		return nil
	}
	for _, s := range t.project.Services {
		if s.Verify != (project.Verify{}) && meant(s) {
			out = append(out, s.Verify)
		}
	}
	return out
}

// builds tells whether the image is one that the project builds.
func (t trust) builds(ref string) bool {
	return t.project != nil && slices.Contains(t.project.Builds, ref)
}

// ErrUnverified: it could not be told of an image that it is signed as asked for, and so
// nothing else was done.
var ErrUnverified = errors.New("image not verified")

type unverified struct{ error }

func (unverified) Is(target error) bool { return target == ErrUnverified }
func (e unverified) Unwrap() error      { return e.error }

// VerifyImage fails with an ErrUnverified when an image is not signed as all the policies
// ask for.
func (h *Host) VerifyImage(ctx context.Context, op planner.VerifyImage) error {
	if err := h.verifyWanted(ctx, op); err != nil {
		return unverified{err}
	}
	return nil
}

func (h *Host) verifyWanted(ctx context.Context, op planner.VerifyImage) error {
	store := h.images.For(op.Platform)
	if op.Remote {
		r, err := store.Lookup(ctx, op.Ref, registry.Config{})
		if err != nil {
			return err
		}
		return h.verify(ctx, subject{op.Ref, r.Target, r.Manifest}, op.Policies)
	}
	img, err := store.Get(ctx, op.Ref)
	if err != nil {
		return err
	}
	return h.verifyImage(ctx, op.Ref, img, op.Policies)
}

// verifyImage fails when an image that is here is not signed as the policies ask for.
func (h *Host) verifyImage(ctx context.Context, ref string, img images.Image, by []project.Verify) error {
	return h.verify(ctx, subject{ref, img.Target, img.Digest}, by)
}

// builtHere stands, in what is known of digests, in the place of a policy: that we have
// built it. What has come here otherwise under the name of such an image is something else.
const builtHere = "built here"

// noteBuilt notes that what was built was built here, under the name of the image. Of an
// index that is not for its platform, nothing is made here.
func (h *Host) noteBuilt(ctx context.Context, image project.Image, built buildkit.Result) error {
	noted := h.signatures()
	if !built.Index {
		if known, err := noted.Has(built.Digest, builtHere); known && err == nil {
			return nil
		}
	}
	err := noted.Add(built.Digest, builtHere)
	if err == nil && built.Index {
		if img, not := h.images.For(image.Platform).Get(ctx, image.Ref); not == nil && img.Target == built.Digest {
			err = noted.Add(img.Digest, builtHere)
		}
	}
	if err != nil {
		return fmt.Errorf("noting that %s was built here: %w", planner.ShortImage(image.Ref), err)
	}
	return nil
}

// wasBuilt tells whether it is an image that the project builds, and that was built here:
// nobody has signed it.
func (h *Host) wasBuilt(of subject) (bool, error) {
	if !h.trust.builds(of.ref) {
		return false, nil
	}
	for _, digest := range of.digests() {
		if was, err := h.signatures().Has(digest, builtHere); was || err != nil {
			return was, err
		}
	}
	return false, nil
}

// verifyContainer fails when what a container was made from is not signed as its service asks
// for.
func (h *Host) verifyContainer(ctx context.Context, c containerd.Container) error {
	by := h.trust.of(c.Record.Spec.Service)
	if len(by) == 0 {
		return nil
	}
	if err := h.verifyMade(ctx, c, by); err != nil {
		return fmt.Errorf("image %s: %w", planner.ShortImage(c.Record.Spec.Image), err)
	}
	for _, m := range slices.Concat(c.Record.Spec.Mounts, c.Record.Taken) {
		if digest, ok := c.Record.MountedImages[m.Target]; ok {
			if err := h.verify(ctx, subject{ref: m.Source, manifest: digest}, by); err != nil {
				return fmt.Errorf("image %s, mounted at %s: %w", planner.ShortImage(m.Source), m.Target, err)
			}
		}
	}
	return nil
}

// verifyMade is verifyContainer of the image that the container was made from, which may
// stand for its name no more.
func (h *Host) verifyMade(ctx context.Context, c containerd.Container, by []project.Verify) error {
	spec := c.Record.Spec
	if img, err := h.images.For(spec.Platform).Get(ctx, spec.Image); err == nil && img.Digest == c.Record.ImageDigest {
		return h.verifyImage(ctx, spec.Image, img, by)
	}
	return h.verify(ctx, subject{ref: spec.Image, manifest: c.Record.ImageDigest}, by)
}

// subject is what has to be signed: the digest of what a name stands for, or of the manifest
// for the platform, of which the other has that digest in it.
type subject struct {
	ref              string
	target, manifest string // target is empty when it is not known
}

func (s subject) digests() []string {
	if s.target == "" || s.target == s.manifest {
		return []string{s.manifest}
	}
	return []string{s.target, s.manifest}
}

func (h *Host) verify(ctx context.Context, of subject, by []project.Verify) error {
	if len(by) == 0 {
		return nil
	}
	if built, err := h.wasBuilt(of); built || err != nil {
		return err
	}
	for _, policy := range by {
		known, err := h.signatures().Has(of.manifest, policy.Digest())
		if err != nil {
			return err
		}
		if !known {
			if err := h.verifyBy(ctx, of, policy); err != nil {
				return err
			}
		}
	}
	return nil
}

// verifier is the program that looks at signatures.
const verifier = "gocompose-verify"

// verifyBy looks for a signature of one of the digests that fulfils the policy.
func (h *Host) verifyBy(ctx context.Context, of subject, by project.Verify) error {
	folders, err := programs.In("")
	if err != nil {
		return err
	}
	program := folders.Find(verifier)
	if program == "" {
		return fmt.Errorf("it has to be signed by %s, and %s, which looks at that, is not found in %s: "+
			"`make build` in gocompose's sources puts it into bin/, beside gocompose", by.By(), verifier, folders)
	}
	var against []error
	for _, digest := range of.digests() {
		found, err := fetchSignatures(ctx, of.ref, digest)
		if err != nil {
			against = append(against, fmt.Errorf("looking for signatures: %w", err))
		}
		if found.None() {
			continue
		}
		err = signatures.Check(ctx, program, digest, by, found)
		if err == nil {
			// By the manifest's digest, which is all that is known of what a container was made from.
			return h.signatures().Add(of.manifest, by.Digest())
		}
		against = append(against, err)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if len(against) == 0 {
		return fmt.Errorf("%s has no signature in its registry, and has to be signed by %s: use an image that is, or exempt the service with `verify: false`",
			of.digests()[0], by.By())
	}
	so := "is not"
	if slices.ContainsFunc(against, func(err error) bool { return !errors.Is(err, signatures.ErrNotVerified) }) {
		so = "that cannot be told"
	}
	return fmt.Errorf("%s has to be signed by %s, and %s: %w", of.digests()[0], by.By(), so, errors.Join(against...))
}

// ForgetSignatures forgets what is known of the signatures of images that are not here, and
// that no container is made from.
func (h *Host) ForgetSignatures(ctx context.Context) error {
	list, err := h.images.List(ctx)
	if err != nil {
		return err
	}
	all, err := h.containerd.Containers(ctx, containerd.Filter{})
	if err != nil {
		return err
	}
	digests := map[string]bool{}
	for _, i := range list {
		digests[i.Digest], digests[i.Target] = true, true
	}
	for _, c := range all {
		digests[c.Record.ImageDigest] = true
		for _, mounted := range c.Record.MountedImages {
			digests[mounted] = true
		}
	}
	return h.signatures().Keep(digests)
}

func (h *Host) signatures() signatures.Store { return signatures.Open(h.cfg.Paths.Verified()) }

// fetchSignatures returns what the registry has, as the package that looks at it wants it.
func fetchSignatures(ctx context.Context, ref, digest string) (signatures.Found, error) {
	all, err := images.FetchSignatures(ctx, ref, digest, registry.Config{})
	found := signatures.Found{Bundles: all.Bundles}
	for _, s := range all.Classic {
		found.Classic = append(found.Classic, signatures.Classic{
			Payload:     s.Payload,
			Signature:   s.Annotations["dev.cosignproject.cosign/signature"],
			Certificate: s.Annotations["dev.sigstore.cosign/certificate"],
			Log:         s.Annotations["dev.sigstore.cosign/bundle"],
			Timestamp:   s.Annotations["dev.sigstore.cosign/rfc3161timestamp"],
		})
	}
	return found, err
}

// verified returns the digests of the policies that an image which is here is known to
// fulfil.
func (h *Host) verified(image project.Image, found images.Found) ([]string, error) {
	var out []string
	policies := h.trust.on(image)
	if len(policies) == 0 {
		return nil, nil
	}
	built, err := h.wasBuilt(subject{ref: image.Ref, manifest: found.Digest})
	if err != nil {
		return nil, err
	}
	for _, policy := range policies {
		known, err := h.signatures().Has(found.Digest, policy.Digest())
		if err != nil {
			return nil, err
		}
		if known || built {
			out = append(out, policy.Digest())
		}
	}
	return out, nil
}
