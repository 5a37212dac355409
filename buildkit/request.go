package buildkit

import (
	"context"
	"io"

	"github.com/gocompose/gocompose/project"
)

// Scratch is the image with nothing in it.
const Scratch = "scratch"

// Request is an image that is to be built.
type Request struct {
	// Service is whose image it is: progress and errors name it.
	Service string
	// Names are all names of the image, normalised ("docker.io/library/web:latest"). Each
	// is rewritten when the image is complete. Without any nothing is kept but the cache.
	Names []string
	Build project.Build
	// Contents have what is in the build's secrets.
	Contents project.Contents
	// Labels of the image beside those of the build, which come first.
	Labels map[string]string
	// Images are the images of other services that were built before, by service, as
	// "docker.io/library/base:latest@sha256:…": what contexts "service:NAME" mean.
	Images map[string]string
	// Stdin is read when the build's context is "-".
	Stdin io.Reader
	// HostGateway is the address that "host-gateway" stands for; empty: there is none.
	HostGateway string
	// Credentials returns what a registry is logged in to with, both empty when there is
	// nothing. No user name means that the secret is an identity token. nil: there are none.
	Credentials func(ctx context.Context, host string) (user, secret string, err error)
	// Progress is where the build's steps are told; nil: nowhere.
	Progress *Progress
}

// Result is an image that was built.
type Result struct {
	// Digest is that of what the names stand for: a manifest, or an index when there
	// are several platforms or attestations.
	Digest string
	// Index: it is not the digest of one image's manifest, so that of the image for this
	// host is another.
	Index bool
	// Warnings are what is not good in the Dockerfile, as the frontend found.
	Warnings []Warning
}

// Warning is what is not good at a place of a Dockerfile.
type Warning struct {
	Service string
	File    string // of the Dockerfile, as Place has it; empty: not known
	Line    int    // from 1; 0: not known
	Text    string // "FromAsCasing: 'as' and 'FROM' keywords' casing do not match"
	URL     string // what explains it; empty: nothing
}
