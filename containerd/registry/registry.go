// Package registry reaches image registries: through which hosts, with which
// certificates and credentials, and for how long it waits for them.
package registry

import (
	"context"
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/config"
)

// Config says how registries are reached.
type Config struct {
	// CertsD are the folders that may have a sub-folder for a host, with a
	// hosts.toml (https://github.com/containerd/containerd/blob/main/docs/hosts.md)
	// or with certificates as Docker has them. The first that has one counts.
	// Nil means FromEnv's.
	CertsD []string
	// Stall is how long a registry may send nothing before a request fails.
	// Zero means DefaultStall.
	Stall time.Duration
}

// DefaultStall is the wait for a registry that sends nothing.
const DefaultStall = 30 * time.Second

// CertsDEnv names the environment variable that replaces the folders of
// certificates and mirrors, separated as in PATH.
const CertsDEnv = "GOCOMPOSE_CERTS_D"

// FromEnv returns the configuration that the environment asks for.
func FromEnv() Config {
	c := Config{Stall: DefaultStall}
	if list, ok := os.LookupEnv(CertsDEnv); ok {
		c.CertsD = filepath.SplitList(list)
	} else {
		c.CertsD = []string{"/etc/gocompose/certs.d", "/etc/containerd/certs.d", "/etc/docker/certs.d"}
	}
	return c
}

// HostDir is where the hosts.toml and the certificates of a host belong.
func (c Config) HostDir(host string) string {
	if c.CertsD == nil {
		c = FromEnv()
	}
	if len(c.CertsD) == 0 {
		return host
	}
	return filepath.Join(c.CertsD[0], host)
}

// Resolver returns what finds and fetches images. As with Docker, a registry on
// this machine (localhost, 127.0.0.0/8, ::1) is asked over TLS that is not
// verified, and then over plain HTTP. Credentials are Docker's.
func Resolver(ctx context.Context, cfg Config) remotes.Resolver {
	return docker.NewResolver(docker.ResolverOptions{
		Hosts:   hosts(ctx, cfg, credentials(ctx)),
		Headers: http.Header{"User-Agent": {userAgent}},
	})
}

const userAgent = "gocompose"

// hosts returns what knows where a registry is to be asked: its mirrors, and itself.
func hosts(ctx context.Context, cfg Config, credentials func(host string) (user, secret string, err error)) docker.RegistryHosts {
	env := FromEnv()
	if cfg.CertsD == nil {
		cfg.CertsD = env.CertsD
	}
	if cfg.Stall <= 0 {
		cfg.Stall = env.Stall
	}
	return config.ConfigureHosts(ctx, config.HostOptions{
		HostDir:     hostDir(cfg.CertsD),
		Credentials: credentials,
		UpdateClient: func(c *http.Client) error {
			c.Transport = impatient(c.Transport, cfg.Stall)
			return nil
		},
	})
}

// impatient returns the transport with the stall limit in the place of its own
// limits, which would each be tried five times. It waits a third of that for a
// registry that is asked too often.
func impatient(t http.RoundTripper, limit time.Duration) http.RoundTripper {
	if _, ok := t.(*rateLimit); ok {
		return t
	}
	if tr, ok := t.(*http.Transport); ok {
		tr.ResponseHeaderTimeout = 0
		if tr.TLSClientConfig == nil {
			tr.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		}
	}
	return &rateLimit{next: &stallLimit{next: t, limit: limit}, patience: limit / 3, pause: limit / 30}
}
