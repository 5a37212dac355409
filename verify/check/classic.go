package check

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
)

// signTypes are what cosign writes into what it signs: before its version 3, and since. The
// second is also the type of the statement in a bundle.
var signTypes = []string{"cosign container image signature", signPredicate}

const signPredicate = "https://sigstore.dev/cosign/sign/v1"

// claim is the part of a simple-signing document that counts
// (https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md).
type claim struct {
	Critical struct {
		Image struct {
			Digest string `json:"docker-manifest-digest"`
		} `json:"image"`
		Type string `json:"type"`
	} `json:"critical"`
}

// classic says what is wrong with a signature of the classic form; nil: nothing.
func (j *judge) classic(s Signature, digest string) error {
	raw, err := base64.StdEncoding.DecodeString(s.Signature)
	if err != nil || len(raw) == 0 {
		return errors.New("a signature is not base64")
	}
	if j.key != nil {
		if j.key.VerifySignature(bytes.NewReader(raw), bytes.NewReader(s.Payload)) != nil {
			return errors.New("a signature is not by this key")
		}
	} else if err := j.certified(s, raw); err != nil {
		return fmt.Errorf("a signature does not hold: %w", err)
	}
	// Only now is it known who has written this.
	var c claim
	if err := json.Unmarshal(s.Payload, &c); err != nil {
		return errors.New("what is signed is not a claim on an image")
	}
	if !slices.Contains(signTypes, c.Critical.Type) {
		return fmt.Errorf("what is signed is of the type %q, not a signature of an image", c.Critical.Type)
	}
	if c.Critical.Image.Digest != digest {
		return fmt.Errorf("a signature is of another image, %s", c.Critical.Image.Digest)
	}
	return nil
}

func (j *judge) certified(s Signature, raw []byte) error {
	if s.Certificate == "" {
		return errors.New("it has no certificate, so it is by a key and not by an identity")
	}
	certificates, err := cryptoutils.UnmarshalCertificatesFromPEM([]byte(s.Certificate))
	if err != nil || len(certificates) == 0 {
		return errors.New("its certificate is not in PEM")
	}
	sum := sha256.Sum256(s.Payload)
	e := &entity{
		certificate: bundle.NewCertificate(certificates[0]),
		signature:   bundle.NewMessageSignature(sum[:], "SHA2_256", raw),
	}
	if s.Log != "" {
		entry, err := readEntry([]byte(s.Log))
		if err != nil {
			return err
		}
		e.entries = []*tlog.Entry{entry}
	}
	if s.Timestamp != "" {
		var t struct{ SignedRFC3161Timestamp []byte }
		if err := json.Unmarshal([]byte(s.Timestamp), &t); err != nil {
			return errors.New("its timestamp cannot be read")
		}
		e.timestamps = [][]byte{t.SignedRFC3161Timestamp}
	}
	_, err = j.verifier.Verify(e, verify.NewPolicy(verify.WithArtifact(bytes.NewReader(s.Payload)), j.by))
	return err
}

// readEntry reads what the log has promised, as cosign keeps it in an annotation.
func readEntry(data []byte) (*tlog.Entry, error) {
	var b struct {
		SignedEntryTimestamp []byte
		Payload              struct {
			Body           []byte `json:"body"`
			IntegratedTime int64  `json:"integratedTime"`
			LogIndex       int64  `json:"logIndex"`
			LogID          string `json:"logID"`
		}
	}
	if err := json.Unmarshal(data, &b); err != nil {
		return nil, errors.New("its log entry cannot be read")
	}
	return logEntry(b.Payload.Body, b.Payload.IntegratedTime, b.Payload.LogIndex, b.Payload.LogID, b.SignedEntryTimestamp)
}

// entity is a signature of the classic form as the verifier wants it.
type entity struct {
	certificate *bundle.Certificate
	signature   *bundle.MessageSignature
	entries     []*tlog.Entry
	timestamps  [][]byte
}

func (e *entity) VerificationContent() (verify.VerificationContent, error) { return e.certificate, nil }
func (e *entity) SignatureContent() (verify.SignatureContent, error)       { return e.signature, nil }
func (e *entity) TlogEntries() ([]*tlog.Entry, error)                      { return e.entries, nil }
func (e *entity) Timestamps() ([][]byte, error)                            { return e.timestamps, nil }
func (e *entity) HasInclusionPromise() bool                                { return len(e.entries) > 0 }
func (e *entity) HasInclusionProof() bool                                  { return false }
func (e *entity) Version() (string, error)                                 { return "v0.1", nil }
