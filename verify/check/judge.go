package check

import (
	"crypto"
	"errors"
	"fmt"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
)

// judge knows what a policy asks for.
type judge struct {
	key      signature.Verifier // nil: an identity is asked for
	verifier *verify.Verifier
	by       verify.PolicyOption
}

func newJudge(p Policy) (*judge, error) {
	switch {
	case p.Key != "" && (p.Identity+p.IdentityRegexp+p.Issuer+p.IssuerRegexp != "" || p.Root != nil):
		return nil, errors.New("a key goes without an identity and a root")
	case p.Key != "":
		return byKey(p.Key)
	case p.Root == nil:
		return nil, errors.New("there is neither a key nor a root")
	}
	return byIdentity(p)
}

func byKey(pem string) (*judge, error) {
	public, err := cryptoutils.UnmarshalPEMToPublicKey([]byte(pem))
	if err != nil {
		return nil, fmt.Errorf("the key is not a public key in PEM: %w", err)
	}
	key, err := signature.LoadVerifier(public, crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("the key: %w", err)
	}
	// There is one key, whatever a bundle calls it, and it does not expire.
	trusted := root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) {
		return root.NewExpiringKey(key, time.Time{}, time.Time{}), nil
	})
	v, err := verify.NewVerifier(trusted, verify.WithNoObserverTimestamps())
	return &judge{key: key, verifier: v, by: verify.WithKey()}, err
}

func byIdentity(p Policy) (*judge, error) {
	trusted, err := root.NewTrustedRootFromJSON(p.Root)
	if err != nil {
		return nil, fmt.Errorf("the root is not a trusted_root.json: %w", err)
	}
	identity, err := verify.NewShortCertificateIdentity(p.Issuer, p.IssuerRegexp, p.Identity, p.IdentityRegexp)
	if err != nil {
		return nil, fmt.Errorf("the identity: %w", err)
	}
	logs := len(trusted.RekorLogs()) > 0
	switch {
	case len(trusted.FulcioCertificateAuthorities()) == 0:
		return nil, errors.New("the root has no certificate authority")
	case !logs && len(trusted.TimestampingAuthorities()) == 0:
		return nil, errors.New("the root has neither a transparency log nor a timestamp authority, so that nobody says when an image was signed")
	}
	// What the root has is asked for: who has no log of certificates, say, has a root
	// without one.
	options := []verify.VerifierOption{verify.WithObserverTimestamps(1)}
	if logs {
		options = append(options, verify.WithTransparencyLog(1))
	}
	if len(trusted.CTLogs()) > 0 {
		options = append(options, verify.WithSignedCertificateTimestamps(1))
	}
	v, err := verify.NewVerifier(trusted, options...)
	return &judge{verifier: v, by: verify.WithCertificateIdentity(identity)}, err
}
