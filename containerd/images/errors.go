package images

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	remoteerrors "github.com/containerd/containerd/v2/core/remotes/errors"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gocompose/gocompose/containerd/registry"
)

// Classes of errors. Their texts say what to do next.
var (
	ErrNotFound      = errors.New("image not on this host") // also errdefs.ErrNotFound
	ErrNotInRegistry = errors.New("image not in its registry")
	ErrUnauthorized  = errors.New("registry denies access")
	ErrRateLimited   = errors.New("registry limits the rate")
	ErrUnreachable   = errors.New("registry cannot be reached")
	ErrUntrusted     = errors.New("registry not trusted")
	ErrPlatform      = errors.New("image not for this platform")
	ErrNoSpace       = errors.New("disk full")
	ErrDamaged       = errors.New("image damaged")
	ErrUnfit         = errors.New("image does not pass a check")
)

// classified is an error of a class, in words of its own.
type classified struct {
	class, cause error
	text         string
}

func (e *classified) Error() string { return e.text }

func (e *classified) Unwrap() []error {
	if e.cause == nil {
		return []error{e.class}
	}
	return []error{e.class, e.cause}
}

func newError(class, cause error, format string, args ...any) error {
	return &classified{class, cause, fmt.Sprintf(format, args...)}
}

// missing tells whether an image, or a part of it, is not on this host. Of what is
// removed while it is read, containerd's client hands on what it was told.
func missing(err error) bool {
	return errdefs.IsNotFound(err) || status.Code(err) == codes.NotFound || errors.Is(err, ErrPlatform) || errors.Is(err, errNoContainerImage)
}

// notHere names the image that a look-up did not find, or could not read.
func notHere(ref string, err error) error {
	var c *classified
	switch {
	case errors.As(err, &c) && errors.Is(c.class, ErrNotFound):
		return err
	case errdefs.IsNotFound(err):
		return newError(ErrNotFound, errdefs.ErrNotFound,
			`image %s is not on this host: pull it, or load it with "gocompose image load"`, ref)
	}
	return fmt.Errorf("image %s: %w", ref, err)
}

// noPlatform says what an image is for, if not for this host, or the platform that
// is asked for.
func noPlatform(asked string, manifests []ocispec.Descriptor) error {
	var there []string
	for _, m := range manifests {
		if m.Platform != nil && m.Platform.OS != "unknown" { // attestations
			if p := platforms.Format(platforms.Normalize(*m.Platform)); !slices.Contains(there, p) {
				there = append(there, p)
			}
		}
	}
	if len(there) == 0 {
		there = []string{"no platform at all"}
	}
	if asked != "" {
		return newError(ErrPlatform, nil, "made for %s, and %s is asked for: use an image made for that, or another platform",
			strings.Join(there, ", "), asked)
	}
	return newError(ErrPlatform, nil, "made for %s, and this host is %s: use an image made for it",
		strings.Join(there, ", "), platforms.DefaultString())
}

// failure is a pull, a push or a login that failed.
type failure struct {
	image    reference.Named // nil of a login
	host     string          // of a login
	artifact bool            // what is asked for is no image
	registry registry.Config
	err      error
}

// explain returns the failure in words, with the next step.
func explain(ctx context.Context, f failure) error {
	var (
		c           *classified
		stall       *registry.StallError
		rate        *registry.RateError
		credentials *registry.CredentialsError
		hosts       *registry.HostsError
		status      remoteerrors.ErrUnexpectedStatus
		err         = f.err
		host        = f.domain()
	)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &c), errors.As(err, &credentials), errors.As(err, &hosts), errors.Is(err, errNoContainerImage):
		return fmt.Errorf("%s: %w", f.subject(), err)
	case noSpace(err):
		return newError(ErrNoSpace, err, "image %s: no space left on the disk with containerd's root: make room there and try again", f.image)
	case errors.As(err, &stall):
		return f.unreachable(stall.Error())
	case errors.As(err, &rate):
		return f.limited(rate)
	case errors.As(err, &status):
		return f.status(ctx, status)
	case errors.Is(err, docker.ErrInvalidAuthorization):
		return f.unauthorized(ctx, "")
	case errdefs.IsNotFound(err) && f.artifact:
		return newError(ErrNotInRegistry, err, "there is no %s in registry %s: check the name and tag", f.image, host)
	case errdefs.IsNotFound(err):
		return newError(ErrNotInRegistry, err, `image %s not found in registry %s: check the name and tag, or load it with "gocompose image load"`, f.image, host)
	case untrusted(err):
		return newError(ErrUntrusted, err, `registry %s is not trusted: %s: put its CA certificate into %s`, host, root(err), filepath.Join(f.certs(), "ca.crt"))
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return newError(ErrUntrusted, err, `registry %s does not speak TLS: if that is as it should be, write server = "http://%s" into %s`, host, host, filepath.Join(f.certs(), "hosts.toml"))
	case errors.Is(err, errLacks):
		return newError(ErrDamaged, err, "image %s: registry %s lacks a part of it: push it again", f.image, host)
	case damaged(err), broken(err) && !network(err):
		return newError(ErrDamaged, err, "registry %s sent wrong or incomplete content for image %s: %s: try again; if it stays so, the image is damaged there", host, f.image, root(err))
	case network(err):
		return f.unreachable(root(err))
	}
	return fmt.Errorf("%s: %w", f.subject(), err)
}

// status explains an answer of the registry.
func (f failure) status(ctx context.Context, s remoteerrors.ErrUnexpectedStatus) error {
	said := quoted(registry.Saying(s.Body))
	switch {
	case s.StatusCode == http.StatusUnauthorized, s.StatusCode == http.StatusForbidden:
		return f.unauthorized(ctx, said)
	case s.StatusCode == http.StatusTooManyRequests:
		return f.limited(&registry.RateError{Host: f.domain(), Said: registry.Saying(s.Body)})
	case s.StatusCode == http.StatusNotFound && f.image == nil:
		return newError(ErrUnreachable, f.err, "%s answers %q: it is no registry of images: check the name", f.host, s.Status)
	case s.StatusCode == http.StatusNotFound:
		return newError(ErrNotInRegistry, f.err, `image %s not found in registry %s: check the name and tag`, f.image, f.domain())
	}
	return newError(ErrUnreachable, f.err, "registry %s answers %q%s: try again later", f.domain(), s.Status, said)
}

// limited says how long to wait, if the registry does, and what helps at once.
func (f failure) limited(rate *registry.RateError) error {
	wait := "wait"
	if rate.After > 0 {
		wait = "try again in " + rate.After.Round(time.Second).String()
	}
	return newError(ErrRateLimited, f.err, `registry %s limits how often it may be asked%s: %s, log in with "%s", or name a mirror in %s`,
		f.domain(), quoted(rate.Said), wait, f.login(), filepath.Join(f.certs(), "hosts.toml"))
}

func (f failure) unauthorized(ctx context.Context, said string) error {
	if f.image == nil {
		return newError(ErrUnauthorized, f.err, "registry %s does not accept this user name and password%s: check both", f.host, said)
	}
	if kept, ok, _ := registry.Kept(ctx, f.domain()); ok && kept.User != "" {
		return newError(ErrUnauthorized, f.err, `registry %s denies %s access to image %s%s: it does not exist, that user may not have it, or the password is wrong: log in with "%s" (the credentials are those of %s)`,
			f.domain(), kept.User, f.image, said, f.login(), registry.CredentialsFile())
	}
	return newError(ErrUnauthorized, f.err, `registry %s denies access to image %s%s: it does not exist, or it needs credentials: log in with "%s" (they are read from %s)`,
		f.domain(), f.image, said, f.login(), registry.CredentialsFile())
}

func (f failure) unreachable(why string) error {
	return newError(ErrUnreachable, f.err, "registry %s cannot be reached: %s: check the network and the name, or name a mirror in %s",
		f.domain(), why, filepath.Join(f.certs(), "hosts.toml"))
}

func (f failure) login() string {
	if host := f.domain(); host != registry.Hub {
		return "gocompose login " + host
	}
	return "gocompose login"
}

// domain is the registry.
func (f failure) domain() string {
	if f.image == nil {
		return f.host
	}
	return reference.Domain(f.image)
}

// subject is what the failure is about.
func (f failure) subject() string {
	if f.image == nil {
		return "registry " + f.host
	}
	return "image " + f.image.String()
}

// certs is the folder for what is special about the registry.
func (f failure) certs() string {
	return f.registry.HostDir(f.domain())
}

// quoted returns the registry's own words in brackets, if there are any.
func quoted(said string) string {
	if said == "" {
		return ""
	}
	return fmt.Sprintf(" (it says %q)", said)
}

// noSpace tells whether a disk is full. What containerd finds comes as text.
func noSpace(err error) bool {
	text := err.Error()
	return errors.Is(err, syscall.ENOSPC) || strings.Contains(text, syscall.ENOSPC.Error()) || strings.Contains(text, syscall.EDQUOT.Error())
}

func untrusted(err error) bool {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var verification *tls.CertificateVerificationError
	return errors.As(err, &unknown) || errors.As(err, &invalid) || errors.As(err, &name) || errors.As(err, &verification)
}

func network(err error) bool {
	var u *url.Error
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &u) || errors.As(err, &op) || errors.As(err, &dns)
}

// broken tells whether a connection ended or stood still before all had come.
func broken(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || stalled(err)
}

// stalled tells whether a connection stood still.
func stalled(err error) bool {
	var stall *registry.StallError
	return errors.As(err, &stall)
}

// damaged tells whether content is not what its digest, its size or its
// compression promise.
func damaged(err error) bool {
	if errdefs.IsFailedPrecondition(err) || errors.Is(err, errContradiction) {
		return true
	}
	text := err.Error()
	return strings.Contains(text, "failed to extract layer") || strings.Contains(text, "wrong diff id")
}

// root returns the text of the innermost error of a request: without its
// address, which may have secrets in its query.
func root(err error) string {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		return root(u.Err)
	}
	return err.Error()
}
