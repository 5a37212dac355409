package check

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/sigstore/sigstore/pkg/signature"
)

const manifest = "a manifest"

func digestOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// key is a signing key, and its public half.
type key struct {
	signature.SignerVerifier
	pem string
}

func newKey(t *testing.T, private crypto.Signer) key {
	t.Helper()
	s, err := signature.LoadSignerVerifier(private, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return key{s, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}
}

func ecKey(t *testing.T) key {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return newKey(t, private)
}

func (k key) sign(t *testing.T, data []byte) []byte {
	t.Helper()
	sig, err := k.SignMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

func payload(digest, kind string) []byte {
	return fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":"registry.example.com/app"},`+
		`"image":{"docker-manifest-digest":%q},"type":%q},"optional":null}`, digest, kind)
}

func (k key) classic(t *testing.T, payload []byte) Signature {
	t.Helper()
	return Signature{Payload: payload, Signature: base64.StdEncoding.EncodeToString(k.sign(t, payload))}
}

func statement(digest, predicate string) []byte {
	return fmt.Appendf(nil, `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"","digest":{"sha256":%q}}],"predicateType":%q,"predicate":{}}`,
		strings.TrimPrefix(digest, "sha256:"), predicate)
}

const inToto = "application/vnd.in-toto+json"

// bundled is a bundle with what a key has signed: a statement.
func (k key) bundled(t *testing.T, statement []byte) []byte {
	t.Helper()
	sig := k.sign(t, dsse.PAE(inToto, statement))
	return encode(t, map[string]any{
		"mediaType":            "application/vnd.dev.sigstore.bundle.v0.3+json",
		"verificationMaterial": map[string]any{"publicKey": map[string]any{"hint": "any"}},
		"dsseEnvelope":         map[string]any{"payload": statement, "payloadType": inToto, "signatures": []any{map[string]any{"sig": sig}}},
	})
}

// message is a bundle with a signature of what has that digest.
func (k key) message(t *testing.T, of string) []byte {
	t.Helper()
	sum := sha256.Sum256([]byte(of))
	return encode(t, map[string]any{
		"mediaType":            "application/vnd.dev.sigstore.bundle.v0.3+json",
		"verificationMaterial": map[string]any{"publicKey": map[string]any{"hint": "any"}},
		"messageSignature": map[string]any{
			"messageDigest": map[string]any{"algorithm": "SHA2_256", "digest": sum[:]}, "signature": k.sign(t, []byte(of)),
		},
	})
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestKeys(t *testing.T) {
	ours, theirs := ecKey(t), ecKey(t)
	digest, other := digestOf(manifest), digestOf("another")
	tampered := ours.classic(t, payload(digest, signTypes[0]))
	tampered.Payload = bytes.Replace(tampered.Payload, []byte("app"), []byte("apt"), 1)
	moved := ours.classic(t, payload(other, signTypes[0]))
	moved.Payload = payload(digest, signTypes[0])
	for name, c := range map[string]struct {
		signatures []Signature
		bundles    [][]byte
		reason     string // empty: it verifies
	}{
		"classic":            {signatures: []Signature{ours.classic(t, payload(digest, signTypes[0]))}},
		"classic of 3":       {signatures: []Signature{ours.classic(t, payload(digest, signTypes[1]))}},
		"after another's":    {signatures: []Signature{theirs.classic(t, payload(digest, signTypes[0])), ours.classic(t, payload(digest, signTypes[0]))}},
		"statement":          {bundles: [][]byte{ours.bundled(t, statement(digest, signPredicate))}},
		"message":            {bundles: [][]byte{ours.message(t, manifest)}},
		"after what is none": {signatures: []Signature{tampered}, bundles: [][]byte{[]byte("{"), ours.message(t, manifest)}},

		"none":              {reason: "it has no signature"},
		"another key":       {signatures: []Signature{theirs.classic(t, payload(digest, signTypes[0]))}, reason: "not by this key"},
		"another digest":    {signatures: []Signature{ours.classic(t, payload(other, signTypes[0]))}, reason: "of another image, " + other},
		"tampered":          {signatures: []Signature{tampered}, reason: "not by this key"},
		"exchanged":         {signatures: []Signature{moved}, reason: "not by this key"},
		"something else":    {signatures: []Signature{ours.classic(t, payload(digest, "atomic container signature"))}, reason: "not a signature of an image"},
		"no claim":          {signatures: []Signature{ours.classic(t, []byte("hello"))}, reason: "not a claim on an image"},
		"no base64":         {signatures: []Signature{{Payload: payload(digest, signTypes[0]), Signature: "%"}}, reason: "not base64"},
		"an empty one":      {signatures: []Signature{{Payload: payload(digest, signTypes[0])}}, reason: "not base64"},
		"an attestation":    {bundles: [][]byte{ours.bundled(t, statement(digest, "https://slsa.dev/provenance/v1"))}, reason: "is an attestation (https://slsa.dev/provenance/v1)"},
		"statement's key":   {bundles: [][]byte{theirs.bundled(t, statement(digest, signPredicate))}, reason: "a bundle does not hold"},
		"statement's image": {bundles: [][]byte{ours.bundled(t, statement(other, signPredicate))}, reason: "a bundle does not hold"},
		"message's key":     {bundles: [][]byte{theirs.message(t, manifest)}, reason: "a bundle does not hold"},
		"message's image":   {bundles: [][]byte{ours.message(t, "another")}, reason: "a bundle does not hold"},
		"no bundle":         {bundles: [][]byte{[]byte("{}")}, reason: "a bundle cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, Request{Digest: digest, Policy: Policy{Key: ours.pem}, Signatures: c.signatures, Bundles: c.bundles}, c.reason)
		})
	}
}

// expect holds a verdict to the reason against it; empty: it is in favour.
func expect(t *testing.T, r Request, reason string) {
	t.Helper()
	v, err := Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if v.Verified != (reason == "") || !strings.Contains(v.Reason, reason) || v.Verified && v.Reason != "" {
		t.Errorf("got %+v, want %q", v, reason)
	}
}

func TestKindsOfKeys(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, private := range map[string]crypto.Signer{"ed25519": ed, "rsa": rs, "p384": p384} {
		t.Run(name, func(t *testing.T) {
			k := newKey(t, private)
			digest := digestOf(manifest)
			expect(t, Request{Digest: digest, Policy: Policy{Key: k.pem}, Signatures: []Signature{k.classic(t, payload(digest, signTypes[0]))}}, "")
			expect(t, Request{Digest: digest, Policy: Policy{Key: k.pem}, Bundles: [][]byte{k.bundled(t, statement(digest, signPredicate))}}, "")
			expect(t, Request{Digest: digest, Policy: Policy{Key: ecKey(t).pem}, Signatures: []Signature{k.classic(t, payload(digest, signTypes[0]))}}, "not by this key")
		})
	}
}

func TestPoliciesThatAreOfNoUse(t *testing.T) {
	k := ecKey(t)
	for name, c := range map[string]struct {
		request Request
		want    string
	}{
		"no digest":    {Request{Digest: "sha256:12", Policy: Policy{Key: k.pem}}, "is not a SHA-256"},
		"nothing":      {Request{Digest: digestOf(manifest)}, "neither a key nor a root"},
		"both":         {Request{Digest: digestOf(manifest), Policy: Policy{Key: k.pem, Identity: "x"}}, "a key goes without"},
		"no key":       {Request{Digest: digestOf(manifest), Policy: Policy{Key: "no"}}, "not a public key in PEM"},
		"no root":      {Request{Digest: digestOf(manifest), Policy: Policy{Root: []byte("no"), Identity: "x", Issuer: "y"}}, "not a trusted_root.json"},
		"anybody":      {Request{Digest: digestOf(manifest), Policy: Policy{Root: newAuthorities(t).root(t, without{})}}, "the identity"},
		"any issuer":   {Request{Digest: digestOf(manifest), Policy: Policy{Root: newAuthorities(t).root(t, without{}), Identity: "x"}}, "the identity"},
		"bad pattern":  {Request{Digest: digestOf(manifest), Policy: Policy{Root: newAuthorities(t).root(t, without{}), IdentityRegexp: "(", Issuer: "y"}}, "the identity"},
		"nobody signs": {Request{Digest: digestOf(manifest), Policy: Policy{Root: newAuthorities(t).root(t, without{authority: true}), Identity: "x", Issuer: "y"}}, "no certificate authority"},
		"no time":      {Request{Digest: digestOf(manifest), Policy: Policy{Root: newAuthorities(t).root(t, without{log: true, time: true}), Identity: "x", Issuer: "y"}}, "neither a transparency log nor"},
	} {
		t.Run(name, func(t *testing.T) {
			if v, err := Do(c.request); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v; want %q", v, err, c.want)
			}
		})
	}
}
