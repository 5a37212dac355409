package livetest

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Registry is a registry on loopback that speaks plain HTTP.
type Registry struct {
	Host string // "127.0.0.1:41234"
	auth authn.Authenticator
}

// options are what is written with.
func (r Registry) options() []remote.Option {
	if r.auth == nil {
		return nil
	}
	return []remote.Option{remote.WithAuth(r.auth)}
}

// StartRegistry starts a registry that ends with the test.
func StartRegistry(t testing.TB) Registry {
	t.Helper()
	s := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(s.Close)
	return Registry{Host: strings.TrimPrefix(s.URL, "http://")}
}

// StartGuarded starts a registry that wants a user name and a password.
func StartGuarded(t testing.TB, user, password string) Registry {
	t.Helper()
	open := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
			return
		}
		open.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	r := Registry{Host: strings.TrimPrefix(s.URL, "http://"), auth: authn.FromConfig(authn.AuthConfig{Username: user, Password: password})}
	return r
}

// PushFor stores an image for each of several platforms under one name. They are
// of img, and have a variable BUILT_FOR that says which.
func (r Registry) PushFor(repo string, img v1.Image, platforms ...string) error {
	ref, err := name.ParseReference(r.Host+"/"+repo, name.Insecure)
	if err != nil {
		return err
	}
	index := v1.ImageIndex(empty.Index)
	for _, text := range platforms {
		p, err := v1.ParsePlatform(text)
		if err != nil {
			return err
		}
		config, err := img.ConfigFile()
		if err != nil {
			return err
		}
		config = config.DeepCopy()
		config.OS, config.Architecture, config.Variant = p.OS, p.Architecture, p.Variant
		config.Config.Env = append(config.Config.Env, "BUILT_FOR="+text)
		made, err := mutate.ConfigFile(img, config)
		if err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: made, Descriptor: v1.Descriptor{Platform: p}})
	}
	if err := remote.WriteIndex(ref, index, r.options()...); err != nil {
		return fmt.Errorf("pushing %s: %w", ref, err)
	}
	return nil
}

// Push stores img as repo, "shop/web:1".
func (r Registry) Push(repo string, img v1.Image) error {
	ref, err := name.ParseReference(r.Host+"/"+repo, name.Insecure)
	if err != nil {
		return err
	}
	if err := remote.Write(ref, img, r.options()...); err != nil {
		return fmt.Errorf("pushing %s: %w", ref, err)
	}
	return nil
}
