package project

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Verify says by whom an image has to be signed before anything is made of it. The zero
// value: by nobody.
type Verify struct {
	// Key is the path of a public key. Without one it is an identity that certificate
	// authorities have certified, and the issuer by whose word; Root is the path of a
	// trusted_root.json with these authorities.
	Key            string `json:"key,omitempty"`
	Identity       string `json:"identity,omitempty"`
	IdentityRegexp string `json:"identityRegexp,omitempty"`
	Issuer         string `json:"issuer,omitempty"`
	IssuerRegexp   string `json:"issuerRegexp,omitempty"`
	Root           string `json:"root,omitempty"`
	// Content is what is in the file that Key or Root names.
	Content string `json:"-"`
}

// By says who has to have signed, for people: "cosign.pub", "release@example.com".
func (v Verify) By() string {
	for _, by := range []string{v.Key, v.Identity, v.IdentityRegexp} {
		if by != "" {
			return by
		}
	}
	return ""
}

// Digest tells policies apart by what they ask for, wherever their files are.
func (v Verify) Digest() string {
	if v == (Verify{}) {
		return ""
	}
	text, _ := json.Marshal([]string{v.Identity, v.IdentityRegexp, v.Issuer, v.IssuerRegexp, v.Content}) // texts can be written
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
