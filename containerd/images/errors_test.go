package images

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	remoteerrors "github.com/containerd/containerd/v2/core/remotes/errors"
	"github.com/containerd/errdefs"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gocompose/gocompose/containerd/registry"
)

// request is what the HTTP client makes of an error.
func request(err error) error {
	return fmt.Errorf("failed to do request: %w", &url.Error{Op: "Get", URL: "https://cdn.invalid/x?signature=topsecret", Err: err})
}

func answer(code int, body string) error {
	return fmt.Errorf("fetching: %w", remoteerrors.ErrUnexpectedStatus{
		Status: fmt.Sprintf("%d %s", code, http.StatusText(code)), StatusCode: code, Body: []byte(body),
	})
}

func TestPullErrorsSayTheCauseAndTheNextStep(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", "/cfg")
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	for name, c := range map[string]struct {
		err   error
		class error
		says  []string
	}{
		"no such tag": {fmt.Errorf("x: %w", errdefs.ErrNotFound), ErrNotInRegistry,
			[]string{"image reg.example/app:1 not found in registry reg.example", "check the name and tag", `"gocompose image load"`}},
		"401":               {answer(401, `{"errors":[{"message":"log in first"}]}`), ErrUnauthorized, []string{"gocompose login reg.example", "/cfg/config.json", "log in first"}},
		"403":               {answer(403, ""), ErrUnauthorized, []string{"gocompose login"}},
		"no credentials":    {fmt.Errorf("x: %w", docker.ErrInvalidAuthorization), ErrUnauthorized, []string{"/cfg/config.json"}},
		"429":               {answer(429, `{"errors":[{"message":"too fast"}]}`), ErrRateLimited, []string{"too fast", "/certs/reg.example/hosts.toml", "wait"}},
		"500":               {answer(500, "<html>"), ErrUnreachable, []string{"500 Internal Server Error", "later"}},
		"refused":           {request(refused), ErrUnreachable, []string{"connection refused", "/certs/reg.example/hosts.toml"}},
		"no such host":      {request(&net.DNSError{Err: "no such host", Name: "reg.example"}), ErrUnreachable, []string{"no such host"}},
		"stalled":           {fmt.Errorf("x: %w", &registry.StallError{Host: "reg.example", After: 30 * time.Second}), ErrUnreachable, []string{"sent nothing for 30s"}},
		"unknown authority": {request(x509.UnknownAuthorityError{}), ErrUntrusted, []string{"/certs/reg.example/ca.crt"}},
		"plain HTTP":        {request(errors.New("http: server gave HTTP response to HTTPS client")), ErrUntrusted, []string{`server = "http://reg.example"`}},
		"disk full here":    {fmt.Errorf("x: %w", syscall.ENOSPC), ErrNoSpace, []string{"make room"}},
		"disk full there":   {fmt.Errorf("%w: write /var/x: no space left on device", errdefs.ErrUnknown), ErrNoSpace, []string{"make room"}},
		"digest mismatch":   {fmt.Errorf("unexpected commit digest: %w", errdefs.ErrFailedPrecondition), ErrDamaged, []string{"wrong or incomplete", "try again"}},
		"short":             {fmt.Errorf("short read: %w", io.ErrUnexpectedEOF), ErrDamaged, []string{"incomplete"}},
		"lacks a layer":     {fmt.Errorf("%w: sha256:x", errLacks), ErrDamaged, []string{"lacks a part", "push it again"}},
		"bad layer":         {errors.New("failed to extract layer (x y) to overlayfs: gzip: invalid header"), ErrDamaged, []string{"gzip: invalid header"}},
		"other platform":    {noPlatform("", []ocispec.Descriptor{{Platform: &ocispec.Platform{OS: "linux", Architecture: "s390x"}}}), ErrPlatform, []string{"image reg.example/app:1", "linux/s390x"}},
		"no image":          {fmt.Errorf("manifest x: %w", errNoContainerImage), errNoContainerImage, []string{"image reg.example/app:1"}},
		"anything":          {errors.New("odd"), nil, []string{"image reg.example/app:1: odd"}},
	} {
		named, err := normalize("reg.example/app:1")
		if err != nil {
			t.Fatal(err)
		}
		got := explain(t.Context(), failure{image: named, registry: registry.Config{CertsD: []string{"/certs", "/other"}}, err: c.err})
		if c.class != nil && !errors.Is(got, c.class) {
			t.Errorf("%s: %q is not of class %q", name, got, c.class)
		}
		for _, part := range c.says {
			if !strings.Contains(got.Error(), part) {
				t.Errorf("%s: %q does not say %q", name, got, part)
			}
		}
		if strings.Contains(got.Error(), "topsecret") {
			t.Errorf("%s: %q has the query of an address", name, got)
		}
		if strings.Contains(got.Error(), "\n") {
			t.Errorf("%s: %q has more than a line", name, got)
		}
	}
}

func TestACancelledPullSaysSo(t *testing.T) {
	named, err := normalize("app")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := explain(ctx, failure{image: named, err: errors.New("odd")}); !errors.Is(got, context.Canceled) {
		t.Errorf("got %v", got)
	}
}

func TestDockerHubNeedsNoHostToLogIn(t *testing.T) {
	named, err := normalize("team/app")
	if err != nil {
		t.Fatal(err)
	}
	got := explain(t.Context(), failure{image: named, err: answer(401, "")})
	if !strings.Contains(got.Error(), `"gocompose login"`) {
		t.Errorf("%q", got)
	}
}

func TestMissingImagesAreNotFoundForErrdefsToo(t *testing.T) {
	err := notHere("app:1", fmt.Errorf("x: %w", errdefs.ErrNotFound))
	if !errors.Is(err, ErrNotFound) || !errdefs.IsNotFound(err) || !missing(err) {
		t.Errorf("%v", err)
	}
	if err := notHere("app:1", errors.New("odd")); errors.Is(err, ErrNotFound) {
		t.Errorf("%v is no missing image", err)
	}
}

// What is removed while it is read is missing, too.
func TestWhatGoesWhileItIsReadIsMissing(t *testing.T) {
	if !missing(fmt.Errorf("image x: %w", status.Error(codes.NotFound, "content digest sha256:aa: not found"))) {
		t.Error("an error of its own")
	}
	if missing(status.Error(codes.Unavailable, "gone")) || missing(nil) {
		t.Error("everything is missing")
	}
}

func TestAttestationsAreNoPlatform(t *testing.T) {
	err := noPlatform("", []ocispec.Descriptor{
		{Platform: &ocispec.Platform{OS: "unknown", Architecture: "unknown"}},
		{Platform: &ocispec.Platform{OS: "linux", Architecture: "s390x"}},
		{Platform: &ocispec.Platform{OS: "linux", Architecture: "s390x"}},
	})
	if got := err.Error(); !strings.Contains(got, "made for linux/s390x, and") {
		t.Errorf("%q", got)
	}
}
