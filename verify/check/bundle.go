package check

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// bundle says what is wrong with a bundle as the signature of a digest; nil: nothing.
func (j *judge) bundle(data []byte, hash string) error {
	var b bundle.Bundle
	if err := b.UnmarshalJSON(data); err != nil {
		return fmt.Errorf("a bundle cannot be read: %w", err)
	}
	digest, err := hex.DecodeString(hash)
	if err != nil {
		return err
	}
	result, err := j.verifier.Verify(&b, verify.NewPolicy(verify.WithArtifactDigest("sha256", digest), j.by))
	if err != nil {
		return fmt.Errorf("a bundle does not hold: %w", err)
	}
	// Who attests something of an image, its parts or its faults, does not say that it
	// is good to run.
	if s := result.Statement; s != nil && s.GetPredicateType() != signPredicate {
		return fmt.Errorf("a bundle is an attestation (%s), not a signature", s.GetPredicateType())
	}
	return nil
}

func logEntry(body []byte, at, index int64, logID string, promise []byte) (*tlog.Entry, error) {
	id, err := hex.DecodeString(logID)
	if err != nil {
		return nil, errors.New("the identifier of its log cannot be read")
	}
	entry, err := tlog.NewEntry(body, at, index, id, promise, nil) //nolint:staticcheck // the form without a proof has no other
	if err != nil {
		return nil, fmt.Errorf("its log entry: %w", err)
	}
	return entry, nil
}
