package project

import (
	"fmt"
	"strings"
)

// Kind is the kind of a resource.
type Kind string

const (
	KindImage     Kind = "image"
	KindNetwork   Kind = "network"
	KindVolume    Kind = "volume"
	KindContainer Kind = "container"
	KindService   Kind = "service"
	KindProvider  Kind = "provider"
)

// ID names one resource of a project. It is comparable, and its text form
// ("container/web-1") is the only one used in plans, events, logs and errors.
type ID struct {
	Kind Kind
	Name string
}

// String returns the text form, "kind/name".
func (id ID) String() string { return string(id.Kind) + "/" + id.Name }

// MarshalText writes the text form.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the text form; it fails when there is no kind or no name.
func (id *ID) UnmarshalText(b []byte) error {
	kind, name, ok := strings.Cut(string(b), "/")
	if !ok || kind == "" || name == "" {
		return fmt.Errorf("invalid resource id %q", b)
	}
	*id = ID{Kind(kind), name}
	return nil
}
