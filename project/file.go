package project

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// FileKind says what a File was in the Compose file.
type FileKind string

const (
	KindSecret FileKind = "secret"
	KindConfig FileKind = "config"
)

// DefaultFileMode is the mode of secrets and configs, which Docker has for both.
const DefaultFileMode = 0o444

// File is a secret or a config in a container: a read-only file. What is in it is
// not part of it, and travels in Contents.
type File struct {
	Kind   FileKind `json:"kind"`
	Name   string   `json:"name"`   // as in the Compose file
	Target string   `json:"target"` // absolute, clean
	UID    int      `json:"uid,omitempty"`
	GID    int      `json:"gid,omitempty"`
	Mode   int      `json:"mode,omitempty"` // permissions
	// Digest stands for the content: see ContentDigest. It is empty when the
	// content was not read.
	Digest string `json:"digest,omitempty"`
	// Path is the file of the host that the content is from, absolute, and
	// External the name of one made outside of Compose. Where both are empty it
	// is from a variable, or from the Compose file itself.
	Path     string `json:"path,omitempty"`
	External string `json:"external,omitempty"`
}

// String names the file: "secret db_password".
func (f File) String() string { return string(f.Kind) + " " + f.Name }

// AllFiles returns the files of the container and of those that run before it.
func (c *Container) AllFiles() []*File {
	var all []*File
	for i := range c.Files {
		all = append(all, &c.Files[i])
	}
	for i := range c.Hooks.BeforeStart {
		all = append(all, c.Hooks.BeforeStart[i].Container.AllFiles()...)
	}
	return all
}

// ContentDigest returns 64 hexadecimal digits that stand for a content. Without
// the key nobody can try out what it could be.
func ContentDigest(key, content []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write(content)
	return hex.EncodeToString(mac.Sum(nil))
}

// Contents are what is in files, by digest. Printed, formatted or marshalled they
// show nothing; the zero value is empty. They are complete before anybody reads them.
type Contents struct {
	byDigest map[string]*hiddenContent
}

// hiddenContent is printed as an address wherever it is met: fmt follows one
// pointer, and not another within.
type hiddenContent struct{ bytes *[]byte }

// Add puts a content in.
func (c *Contents) Add(digest string, content []byte) {
	if c.byDigest == nil {
		c.byDigest = map[string]*hiddenContent{}
	}
	c.byDigest[digest] = &hiddenContent{&content}
}

// AddAll puts others in.
func (c *Contents) AddAll(others Contents) {
	for digest, content := range others.byDigest {
		c.Add(digest, *content.bytes)
	}
}

// Of returns the content with that digest; ok is false when it is not there.
func (c Contents) Of(digest string) (content []byte, ok bool) {
	p, ok := c.byDigest[digest]
	if !ok {
		return nil, false
	}
	return *p.bytes, true
}

const hidden = "(hidden)"

// Format prints nothing of the contents, whatever the verb.
func (c Contents) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(hidden)) }

// MarshalText is what the contents are in JSON and other formats.
func (c Contents) MarshalText() ([]byte, error) { return []byte(hidden), nil }
