package livetest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Signer signs images as cosign does.
type Signer struct{ key *ecdsa.PrivateKey }

// NewSigner returns one with a key of its own.
func NewSigner(t testing.TB) Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return Signer{key}
}

// PublicKey returns what cosign writes into cosign.pub.
func (s Signer) PublicKey() (string, error) {
	der, err := x509.MarshalPKIXPublicKey(s.key.Public())
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), err
}

func (s Signer) sign(data []byte) ([]byte, error) {
	sum := sha256.Sum256(data)
	return ecdsa.SignASN1(rand.Reader, s.key, sum[:])
}

// Form is how a signature is kept in a registry.
type Form string

const (
	FormClassic Form = "classic" // a document, at a tag made of the digest
	FormBundle  Form = "bundle"  // a bundle of sigstore's, which refers to the image
)

// Sign puts a signature beside the image of a name: of what has that digest, which is
// another image when the signature is to be wrong.
func (r Registry) Sign(s Signer, form Form, repo, digest string) error {
	ref, err := name.ParseReference(r.Host+"/"+repo, name.Insecure)
	if err != nil {
		return err
	}
	beside, err := r.Digest(repo)
	if err != nil {
		return err
	}
	if form == FormBundle {
		return r.bundle(s, ref, digest, beside)
	}
	payload := fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":%q},"image":{"docker-manifest-digest":%q},`+
		`"type":"cosign container image signature"},"optional":null}`, ref.Context(), digest)
	sig, err := s.sign(payload)
	if err != nil {
		return err
	}
	img, err := mutate.Append(empty.Image, mutate.Addendum{
		Layer:       static.NewLayer(payload, "application/vnd.dev.cosign.simplesigning.v1+json"),
		Annotations: map[string]string{"dev.cosignproject.cosign/signature": base64.StdEncoding.EncodeToString(sig)},
	})
	if err != nil {
		return err
	}
	return remote.Write(ref.Context().Tag(strings.Replace(beside, ":", "-", 1)+".sig"), img, r.options()...)
}

func (r Registry) bundle(s Signer, ref name.Reference, digest, beside string) error {
	const kind, inToto = "application/vnd.dev.sigstore.bundle.v0.3+json", "application/vnd.in-toto+json"
	statement := fmt.Appendf(nil, `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":%q}}],`+
		`"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{}}`, strings.TrimPrefix(digest, "sha256:"))
	sig, err := s.sign(fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(inToto), inToto, len(statement), statement))
	if err != nil {
		return err
	}
	var text bytes.Buffer
	err = json.NewEncoder(&text).Encode(map[string]any{
		"mediaType":            kind,
		"verificationMaterial": map[string]any{"publicKey": map[string]any{}},
		"dsseEnvelope":         map[string]any{"payload": statement, "payloadType": inToto, "signatures": []any{map[string]any{"sig": sig}}},
	})
	if err != nil {
		return err
	}
	subject, err := remote.Head(ref.Context().Digest(beside), r.options()...)
	if err != nil {
		return err
	}
	img, err := mutate.AppendLayers(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), kind), static.NewLayer(text.Bytes(), kind))
	if err != nil {
		return err
	}
	referrer, ok := mutate.Subject(img, *subject).(v1.Image)
	if !ok {
		return fmt.Errorf("%s: no image refers to it", ref)
	}
	made, err := referrer.Digest()
	if err != nil {
		return err
	}
	return remote.Write(ref.Context().Digest(made.String()), referrer, r.options()...)
}

// Digest is what a name stands for: "sha256:…".
func (r Registry) Digest(repo string) (string, error) {
	ref, err := name.ParseReference(r.Host+"/"+repo, name.Insecure)
	if err != nil {
		return "", err
	}
	desc, err := remote.Head(ref, r.options()...)
	if err != nil {
		return "", err
	}
	return desc.Digest.String(), nil
}
