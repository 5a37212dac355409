package buildkit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/moby/buildkit/session/auth"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/session/sshforward"
	"github.com/moby/buildkit/session/sshforward/sshprovider"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gocompose/gocompose/project"
)

// attach lets buildkitd ask for what it is not told: credentials, secrets, and signatures
// of keys.
func (s *solve) attach(r Request) error {
	if r.Credentials != nil {
		s.session = append(s.session, &credentials{of: r.Credentials})
	}
	known := map[string][]byte{}
	for _, secret := range r.Build.Secrets {
		content, ok := r.Contents.Of(secret.Digest)
		if !ok {
			return fmt.Errorf("build.secrets: the content of %s is not there", secret.ID)
		}
		if len(content) > secretsprovider.MaxSecretSize {
			return fmt.Errorf("build.secrets: %s has %d bytes, and a secret of a build can have %d: use a file of the context, or an additional context", secret.ID, len(content), secretsprovider.MaxSecretSize)
		}
		known[secret.ID] = content
	}
	if len(known) > 0 {
		s.session = append(s.session, secretsprovider.FromMap(known))
	}
	return s.keys(r)
}

func (s *solve) keys(r Request) error {
	var agents []sshprovider.AgentConfig
	for _, key := range r.Build.SSH {
		if len(key.Paths) == 0 && os.Getenv("SSH_AUTH_SOCK") == "" {
			return fmt.Errorf("build.ssh: %s: there is no agent, as SSH_AUTH_SOCK is not set: start one (`eval $(ssh-agent) && ssh-add`), or name a file: `ssh: [\"%s=~/.ssh/id_ed25519\"]`", key.ID, key.ID)
		}
		for _, path := range key.Paths {
			if _, err := os.Stat(path); err != nil {
				return fmt.Errorf("build.ssh: %s: %w", key.ID, missing(err, path))
			}
		}
		agents = append(agents, sshprovider.AgentConfig{ID: key.ID, Paths: key.Paths})
	}
	if len(agents) == 0 && bySSH(r.Build) && os.Getenv("SSH_AUTH_SOCK") != "" {
		agents = append(agents, sshprovider.AgentConfig{ID: sshforward.DefaultID})
	}
	if len(agents) == 0 {
		return nil
	}
	provider, err := sshprovider.NewSSHAgentProvider(agents)
	if err != nil {
		return unusable(err)
	}
	s.session = append(s.session, provider)
	return nil
}

// unusable says of a key what is wrong with it, without what it was to become.
func unusable(err error) error {
	_, text, ok := strings.Cut(err.Error(), "failed to parse ")
	switch path, why, _ := strings.Cut(text, ": ssh: "); {
	case !ok:
		return fmt.Errorf("build.ssh: %w", err)
	case strings.Contains(why, "passphrase"):
		return fmt.Errorf("build.ssh: %s has a passphrase, which nobody is asked for: give it to an agent (`ssh-add %s`), and name no file", path, path)
	default:
		return fmt.Errorf("build.ssh: %s is no private key: %s", path, why)
	}
}

// bySSH tells whether a repository is fetched in a way that needs an agent.
func bySSH(b project.Build) bool {
	return slices.ContainsFunc(append(slices.Collect(maps.Values(b.Contexts)), b.Context), func(context string) bool {
		return strings.HasPrefix(context, "ssh://") || strings.HasPrefix(context, "git@")
	})
}

// credentials answer for registries. Tokens buildkitd fetches with them itself.
type credentials struct {
	auth.UnimplementedAuthServer
	of func(ctx context.Context, host string) (user, secret string, err error)
}

func (c *credentials) Register(server *grpc.Server) { auth.RegisterAuthServer(server, c) }

func (c *credentials) Credentials(ctx context.Context, asked *auth.CredentialsRequest) (*auth.CredentialsResponse, error) {
	user, secret, err := c.of(ctx, asked.Host)
	if errors.Is(err, context.Canceled) {
		return nil, status.Error(codes.Canceled, err.Error())
	}
	if err != nil {
		return nil, err
	}
	return &auth.CredentialsResponse{Username: user, Secret: secret}, nil
}
