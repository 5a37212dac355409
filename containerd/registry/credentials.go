package registry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// CredentialsError: the file with credentials, or the helper it names, cannot
// be used. It never has a secret in it.
type CredentialsError struct {
	Host string
	Err  error
}

func (e *CredentialsError) Error() string {
	return fmt.Sprintf("reading the credentials for %s from %s: %v", e.Host, CredentialsFile(), e.Err)
}

func (e *CredentialsError) Unwrap() error { return e.Err }

// CredentialsFile is the file of logins that Docker has too: config.json in
// $DOCKER_CONFIG, or in ~/.docker.
func CredentialsFile() string {
	dir := os.Getenv("DOCKER_CONFIG")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			home = "~"
		}
		dir = filepath.Join(home, ".docker")
	}
	return filepath.Join(dir, "config.json")
}

// resource is a registry as the key chain names it.
type resource string

func (r resource) String() string      { return string(r) }
func (r resource) RegistryStr() string { return string(r) }

// Credentials returns the user name and the secret for a host, both empty when there are
// none. No user name means that the secret is an identity token.
func Credentials(ctx context.Context, host string) (user, secret string, err error) {
	return credentials(ctx)(host)
}

// credentials returns what knows the user name and the secret for a host, both
// empty when there are none. No user name means the secret is an identity
// token. They come from Docker's configuration file: written there, or from the
// helper it names.
func credentials(ctx context.Context) func(host string) (user, secret string, err error) {
	return func(host string) (string, string, error) {
		key := host
		if host == Hub || host == hubServer {
			key = name.DefaultRegistry
		}
		found, err := authn.Resolve(ctx, authn.DefaultKeychain, resource(key))
		if err != nil {
			return "", "", &CredentialsError{host, err}
		}
		auth, err := authn.Authorization(ctx, found)
		if err != nil {
			return "", "", &CredentialsError{host, err}
		}
		switch {
		case auth.IdentityToken != "":
			return "", auth.IdentityToken, nil
		case auth.RegistryToken != "":
			return "", "", &CredentialsError{host, errors.New("a registrytoken cannot be used: log in with a user name")}
		}
		return auth.Username, auth.Password, nil
	}
}
