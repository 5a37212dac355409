// Package signatures knows which images are signed as policies ask for: it has a program
// of its own look at signatures, and remembers what that has found.
package signatures

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/gocompose/gocompose/project"
)

// Found are the signatures of an image that its registry has.
type Found struct {
	Classic []Classic
	Bundles [][]byte // of sigstore, JSON
}

// None tells that there are none.
func (f Found) None() bool { return len(f.Classic)+len(f.Bundles) == 0 }

// Classic is a simple-signing document, with what cosign has written beside it.
type Classic struct {
	Payload     []byte `json:"payload"`
	Signature   string `json:"signature"`
	Certificate string `json:"certificate,omitempty"`
	Log         string `json:"log,omitempty"`
	Timestamp   string `json:"timestamp,omitempty"`
}

// request and verdict are what the program reads and prints: package check, in the module
// of that program, says what they mean.
type request struct {
	Digest     string    `json:"digest"`
	Policy     policy    `json:"policy"`
	Signatures []Classic `json:"signatures,omitempty"`
	Bundles    [][]byte  `json:"bundles,omitempty"`
}

type policy struct {
	Key            string `json:"key,omitempty"`
	Identity       string `json:"identity,omitempty"`
	IdentityRegexp string `json:"identityRegexp,omitempty"`
	Issuer         string `json:"issuer,omitempty"`
	IssuerRegexp   string `json:"issuerRegexp,omitempty"`
	Root           []byte `json:"root,omitempty"`
}

type verdict struct {
	Verified bool   `json:"verified"`
	Reason   string `json:"reason"`
}

// ErrNotVerified: the signatures that there are do not fulfil the policy.
var ErrNotVerified = errors.New("not signed as asked for")

// refused is an ErrNotVerified with the reason.
type refused struct{ reason string }

func (e refused) Error() string        { return e.reason }
func (e refused) Is(target error) bool { return target == ErrNotVerified }

// patience is how long the program may take, which needs a tenth of a second.
const patience = time.Minute

// Check asks the program at a path whether one of the signatures of a digest is one that the
// policy asks for. Nil says that it is; an ErrNotVerified says why not.
func Check(ctx context.Context, program, digest string, by project.Verify, found Found) error {
	r := request{Digest: digest, Signatures: found.Classic, Bundles: found.Bundles, Policy: policy{
		Identity: by.Identity, IdentityRegexp: by.IdentityRegexp, Issuer: by.Issuer, IssuerRegexp: by.IssuerRegexp,
	}}
	if by.Key != "" {
		r.Policy.Key = by.Content
	} else {
		r.Policy.Root = []byte(by.Content)
	}
	in, err := json.Marshal(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var out, complaint bytes.Buffer
	c := exec.CommandContext(ctx, program)
	c.Env = []string{} // nothing of ours is its business
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(in), &out, &complaint
	if err := c.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("%s: %w", lastLine(program, complaint.String()), err)
	}
	var v verdict
	if err := json.Unmarshal(out.Bytes(), &v); err != nil {
		return fmt.Errorf("reading what %s says: %w", program, err)
	}
	if !v.Verified {
		return refused{v.Reason}
	}
	return nil
}

// lastLine is what a program has complained of, in a line.
func lastLine(program, text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return last
	}
	return program
}
