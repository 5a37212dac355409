package planner

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/gocompose/gocompose/project"
)

const (
	// maxContainerID is containerd's limit on the length of identifiers.
	maxContainerID = 76
	// squeezedHash is how many hexadecimal digits stand for what a squeezed
	// identifier left out.
	squeezedHash = 16
)

// ContainerID returns the runtime identifier of the container made for replica
// n of a service by the run marked by nonce: "shop-web-1.k3j9". It keeps to
// containerd's rules, `^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$` and at most 76
// characters; names that do not are squeezed, and a hash keeps them apart. No
// two replicas of one run have the same identifier, and no identifier is used
// again in another run.
func ContainerID(projectName, service string, n int, nonce string) string {
	return identifier(projectName, service, strconv.Itoa(n), nonce)
}

// OneOffID returns the runtime identifier of a one-off, by the same rules:
// "shop-web-run.0123456789ab".
func OneOffID(projectName, service, slug string) string {
	return identifier(projectName, service, "run", slug)
}

// newID returns the identifier that the container gets when it is made now.
func (b *builder) newID(c project.Container) string {
	if c.OneOff() {
		return OneOffID(b.project.Name, c.Service, c.Slug())
	}
	return ContainerID(b.project.Name, c.Service, c.Replica, b.opt.Nonce)
}

func identifier(projectName, service, which, nonce string) string {
	plain := fmt.Sprintf("%s-%s-%s.%s", projectName, service, which, nonce)
	if validContainerID(plain) && alphanumeric(nonce) {
		return plain
	}
	key := fmt.Sprintf("%q %q %s %q", projectName, service, which, nonce)
	sum := sha256.Sum256([]byte(key))
	// The x cannot stand where a plain identifier has its replica number.
	tail := "-x" + hex.EncodeToString(sum[:])[:squeezedHash]
	if alphanumeric(nonce) && len(nonce) <= squeezedHash {
		tail += "." + nonce
	}
	head := squeeze(fmt.Sprintf("%s-%s-%s", projectName, service, which))
	head = strings.TrimRight(head[:min(len(head), maxContainerID-len(tail))], "._-")
	if head == "" {
		head = "c"
	}
	return head + tail
}

func validContainerID(s string) bool {
	if len(s) == 0 || len(s) > maxContainerID {
		return false
	}
	between := true // at the start, or after a separator
	for i := range len(s) {
		switch {
		case isAlphanumeric(s[i]):
			between = false
		case between || !isSeparator(s[i]):
			return false
		default:
			between = true
		}
	}
	return !between
}

// squeeze makes of each run of separators and foreign characters one separator,
// and of one at the start none.
func squeeze(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch {
		case isAlphanumeric(s[i]):
			b.WriteByte(s[i])
		case b.Len() == 0 || isSeparator(b.String()[b.Len()-1]):
		case isSeparator(s[i]):
			b.WriteByte(s[i])
		default:
			b.WriteByte('-')
		}
	}
	return b.String()
}

func alphanumeric(s string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) {
			return false
		}
	}
	return s != ""
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func isSeparator(c byte) bool { return c == '.' || c == '_' || c == '-' }

// duplicate returns the target that stands for c beside the container that is
// kept for the same replica: "container/web-1~k3j9".
func duplicate(c Container) project.ID {
	id := c.Spec.ID()
	mark := c.ID
	if i := strings.LastIndexByte(c.ID, '.'); i >= 0 && c.ID[:i] != "" && i+1 < len(c.ID) {
		mark = c.ID[i+1:]
	}
	id.Name += "~" + mark
	return id
}
