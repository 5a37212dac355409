package livetest

import (
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Registry is a registry on loopback that speaks plain HTTP.
type Registry struct {
	Host string // "127.0.0.1:41234"
}

// StartRegistry starts a registry that ends with the test.
func StartRegistry(t testing.TB) Registry {
	t.Helper()
	s := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(s.Close)
	return Registry{strings.TrimPrefix(s.URL, "http://")}
}

// Push stores img as repo, "shop/web:1".
func (r Registry) Push(repo string, img v1.Image) error {
	ref, err := name.ParseReference(r.Host+"/"+repo, name.Insecure)
	if err != nil {
		return err
	}
	if err := remote.Write(ref, img); err != nil {
		return fmt.Errorf("pushing %s: %w", ref, err)
	}
	return nil
}
