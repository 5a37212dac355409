// Package check tells whether one of the signatures that were found for an image is
// one that a policy asks for. It does no network, and reads no file.
package check

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Request is what gocompose asks. Its JSON is what gocompose writes.
type Request struct {
	// Digest is what has to be signed: "sha256:…", of a manifest or of an index.
	Digest string `json:"digest"`
	Policy Policy `json:"policy"`
	// Signatures are of the classic form, Bundles of sigstore's.
	Signatures []Signature `json:"signatures,omitempty"`
	Bundles    [][]byte    `json:"bundles,omitempty"`
}

// Policy says by whom the image has to be signed: by the owner of a key, or by an
// identity that the authorities of a root have certified.
type Policy struct {
	Key string `json:"key,omitempty"` // PEM

	Identity       string `json:"identity,omitempty"`
	IdentityRegexp string `json:"identityRegexp,omitempty"`
	Issuer         string `json:"issuer,omitempty"`
	IssuerRegexp   string `json:"issuerRegexp,omitempty"`
	Root           []byte `json:"root,omitempty"` // a trusted_root.json
}

// Signature is a simple-signing document, with what stands in the annotations of
// its layer.
type Signature struct {
	Payload     []byte `json:"payload"`
	Signature   string `json:"signature"` // base64
	Certificate string `json:"certificate,omitempty"`
	Log         string `json:"log,omitempty"`       // the log's entry, JSON
	Timestamp   string `json:"timestamp,omitempty"` // RFC 3161, JSON
}

// Verdict is the answer.
type Verdict struct {
	Verified bool `json:"verified"`
	// Reason is why not, for people.
	Reason string `json:"reason,omitempty"`
}

// Do answers a request. The error says that the policy itself is of no use.
func Do(r Request) (Verdict, error) {
	hash, ok := strings.CutPrefix(r.Digest, "sha256:")
	if !ok || len(hash) != 64 {
		return Verdict{}, fmt.Errorf("the digest %q is not a SHA-256", r.Digest)
	}
	judge, err := newJudge(r.Policy)
	if err != nil {
		return Verdict{}, err
	}
	var against []error
	for _, s := range r.Signatures {
		if err := judge.classic(s, r.Digest); err != nil {
			against = append(against, err)
			continue
		}
		return Verdict{Verified: true}, nil
	}
	for _, b := range r.Bundles {
		if err := judge.bundle(b, hash); err != nil {
			against = append(against, err)
			continue
		}
		return Verdict{Verified: true}, nil
	}
	if len(against) == 0 {
		against = []error{errors.New("it has no signature")}
	}
	return Verdict{Reason: joined(against)}, nil
}

// joined returns the texts of the errors, each once.
func joined(errs []error) string {
	var texts []string
	for _, err := range errs {
		if !slices.Contains(texts, err.Error()) {
			texts = append(texts, err.Error())
		}
	}
	return strings.Join(texts, "; ")
}
