package loader

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/gocompose/gocompose/project"
)

// verifyKey is where in the extension it stands by whom images are signed.
const verifyKey = "verify"

// verify returns by whom the images of a service have to be signed: by what is asked
// for on the command line, by the service, or by the files as a whole.
func (c *converter) verify(own place, settings any) project.Verify {
	switch {
	case c.src.options.VerifyKey != "":
		return c.flagged
	case c.src.options.Existing && !c.src.options.Trust:
		return project.Verify{}
	}
	if mapping, _ := settings.(map[string]any); mapping[verifyKey] != nil {
		return own.in(extension, verifyKey).verify(mapping[verifyKey])
	}
	return c.verified
}

// verifyAll reads what holds for all services.
func (c *converter) verifyAll() {
	top := place{c, []string{extension}}
	if key := c.src.options.VerifyKey; key != "" {
		c.flagged = project.Verify{Key: key}
		content, err := publicKey(c.src.abs(key))
		if err != nil {
			c.flags = append(c.flags, Problem{Text: "--verify " + key + ": " + err.Error()})
		}
		c.flagged.Content = content
		return
	}
	if c.src.options.Existing && !c.src.options.Trust {
		return
	}
	c.refuseIncluded()
	settings := c.model.Extensions[extension]
	mapping, ok := settings.(map[string]any)
	if settings != nil && !ok {
		top.problem("must be a mapping, as {%s: {key: cosign.pub}}", verifyKey)
	}
	if mapping[verifyKey] != nil {
		c.verified = top.in(verifyKey).verify(mapping[verifyKey])
	}
}

const badVerify = "must be false, or a mapping, as {key: cosign.pub} or {identity: ann@example.com, issuer: https://accounts.example.com, root: trusted_root.json}"

// verify reads a policy.
func (p place) verify(value any) project.Verify {
	if value == false {
		return project.Verify{}
	}
	settings, ok := value.(map[string]any)
	if !ok {
		p.problem(badVerify)
		return project.Verify{}
	}
	var v project.Verify
	fields := map[string]*string{
		"key": &v.Key, "identity": &v.Identity, "identity_regexp": &v.IdentityRegexp,
		"issuer": &v.Issuer, "issuer_regexp": &v.IssuerRegexp, "root": &v.Root,
	}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		text, isText := settings[name].(string)
		switch to := fields[name]; {
		case to == nil: // its rule refuses it
		case !isText || text == "":
			p.in(name).problem("must be a text that is not empty")
			return v
		default:
			*to = text
		}
	}
	switch keyless := v.Identity + v.IdentityRegexp + v.Issuer + v.IssuerRegexp + v.Root; {
	case v.Key != "" && keyless != "":
		p.problem("has a key and an identity; leave one of them out")
	case v.Key != "":
		v.Content = p.in("key").trusted(v.Key, publicKey)
	case (v.Identity == "") == (v.IdentityRegexp == "") || (v.Issuer == "") == (v.IssuerRegexp == "") || v.Root == "":
		p.problem("needs a key; or identity (or identity_regexp), issuer (or issuer_regexp) and root")
	default:
		p.in("identity_regexp").pattern(v.IdentityRegexp)
		p.in("issuer_regexp").pattern(v.IssuerRegexp)
		v.Content = p.in("root").trusted(v.Root, trustedRoot)
	}
	return v
}

func (p place) pattern(text string) {
	if _, err := regexp.Compile(text); err != nil {
		p.problem("%v", err)
	}
}

// trusted reads what a path names that stands at the place: relative to the project's
// folder or, in a file that is included or extended, to that of the file.
func (p place) trusted(path string, read func(path string) (string, error)) string {
	text, err := read(p.c.src.besidePlace(p.path, path))
	if err != nil {
		p.problem("%v", err)
	}
	return text
}

// besidePlace resolves a path that is written at a place of the model.
func (s *source) besidePlace(at []string, path string) string {
	path = s.expandHome(path)
	if filepath.IsAbs(path) {
		return path
	}
	dir := s.dir
	if file, _ := newPositions(s).find(target{path: at}); file != "" && !slices.Contains(s.names(), file) {
		dir = filepath.Dir(file)
	}
	return filepath.Join(dir, path)
}

// resolveVerify makes the paths of a policy absolute, of what stands as an extension of the
// attribute at a place, so that they mean the same in another file.
func (s *source) resolveVerify(extensions map[string]any, at ...string) {
	settings, _ := extensions[extension].(map[string]any)
	policy, _ := settings[verifyKey].(map[string]any)
	for _, name := range []string{"key", "root"} {
		if path, _ := policy[name].(string); path != "" && !strings.Contains(path, "$") {
			policy[name] = s.besidePlace(append(slices.Clone(at), extension, verifyKey, name), path)
		}
	}
}

func readText(path string) (string, error) {
	data, err := os.ReadFile(path)
	var at *fs.PathError
	if errors.As(err, &at) {
		return "", fmt.Errorf("%s: %w", path, at.Err)
	}
	return string(data), err
}

// publicKey reads a key and sees whether it is one.
func publicKey(path string) (string, error) {
	text, err := readText(path)
	if err != nil {
		return "", err
	}
	block, _ := pem.Decode([]byte(text))
	switch {
	case block == nil:
		return "", fmt.Errorf("%s is not a key in PEM, as `cosign generate-key-pair` writes it into cosign.pub", path)
	case strings.Contains(block.Type, "PRIVATE"):
		return "", fmt.Errorf("%s is a private key: name the public one, as cosign.pub", path)
	}
	if _, err := x509.ParsePKIXPublicKey(block.Bytes); err != nil {
		return "", fmt.Errorf("%s is not a public key of a kind that is known here", path)
	}
	return text, nil
}

// trustedRoot reads a root of trust, of which the program that verifies knows more.
func trustedRoot(path string) (string, error) {
	text, err := readText(path)
	if err != nil {
		return "", err
	}
	var root struct {
		MediaType string `json:"mediaType"`
	}
	if err := json.Unmarshal([]byte(text), &root); err != nil || !strings.Contains(root.MediaType, "sigstore.trustedroot") {
		return "", fmt.Errorf("%s is not a trusted_root.json of sigstore", path)
	}
	return text, nil
}

// refuseIncluded refuses settings of files that are included: compose-go leaves out what
// these have at the top level, and nobody would be told that it does not count.
func (c *converter) refuseIncluded() {
	ps := newPositions(c.src)
	seen := map[string]bool{}
	var visit func(file string, included bool)
	visit = func(file string, included bool) {
		if seen[file] {
			return
		}
		seen[file] = true
		for _, doc := range ps.parsed(file) {
			if node := valueOf(doc, []string{extension}); node != nil && included && node.Kind != yaml.ScalarNode {
				c.flags = append(c.flags, Problem{File: c.src.display(file), Line: node.Line, Column: node.Column, Path: extension,
					Text: "it does not count in a file that is included: move it to the file that includes it, or to services"})
			}
			for _, next := range ps.included(file, doc) {
				visit(next, true)
			}
		}
	}
	for _, f := range c.src.files {
		if strings.Contains(string(f.Content), "include") {
			visit(f.Filename, false)
		}
	}
}
