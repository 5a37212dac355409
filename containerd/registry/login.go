package registry

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	remoteerrors "github.com/containerd/containerd/v2/core/remotes/errors"
	"github.com/google/go-containerregistry/pkg/name"
)

// Login is what a registry is told to know who asks. Without a user name the secret
// is an identity token.
type Login struct{ User, Secret string }

// String keeps the secret out of what is printed by mistake.
func (l Login) String() string { return "login of " + l.User }

// GoString is String.
func (l Login) GoString() string { return l.String() }

// Hub is the name of the registry that images without a host in their names are
// from.
const Hub = "docker.io"

// Host returns the host of what people name a registry by: without scheme and
// path. Nothing at all, and each of its names, is Hub.
func Host(server string) string {
	_, after, ok := strings.Cut(server, "://")
	if !ok {
		after = server
	}
	host, _, _ := strings.Cut(after, "/")
	switch host {
	case "", Hub, name.DefaultRegistry, hubServer:
		return Hub
	}
	return host
}

// hubServer is where Hub's images are.
const hubServer = "registry-1.docker.io"

// Key is the name that a host's credentials are kept by in Docker's file and by
// its helpers. That of Hub is older than the others.
func Key(host string) string {
	if host == Hub || host == hubServer {
		return "https://" + name.DefaultRegistry + "/v1/"
	}
	return host
}

// Check asks the registry of a host whether it takes a login, as the distribution
// specification says ("Determining Support"). One that wants none takes every one.
func Check(ctx context.Context, cfg Config, host string, login Login) error {
	hosts, err := hosts(ctx, cfg, func(string) (string, string, error) { return login.User, login.Secret, nil })(host)
	if err != nil {
		return err
	}
	if len(hosts) == 0 {
		return fmt.Errorf("%s names no host for it", cfg.HostDir(host))
	}
	// Those before the last one are mirrors.
	return greet(ctx, hosts[len(hosts)-1])
}

// greet asks a host for nothing, and again with what it wants to know.
func greet(ctx context.Context, host docker.RegistryHost) error {
	var asked []*http.Response
	for {
		resp, err := ask(ctx, host)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		asked = append(asked, resp)
		switch {
		case resp.StatusCode/100 == 2:
			return nil
		case resp.StatusCode != http.StatusUnauthorized || len(asked) > 1:
			return remoteerrors.NewUnexpectedStatusErr(resp)
		}
		if err := host.Authorizer.AddResponses(ctx, asked); err != nil {
			return err
		}
	}
}

func ask(ctx context.Context, host docker.RegistryHost) (*http.Response, error) {
	url := host.Scheme + "://" + host.Host + host.Path + "/"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header = host.Header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("User-Agent", userAgent)
	if err := host.Authorizer.Authorize(ctx, req); err != nil {
		return nil, err
	}
	return host.Client.Do(req)
}
