package containerd

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/typeurl/v2"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/gocompose/gocompose/project"
)

// Record is what is stored beside a container of what it was made from.
type Record struct {
	// Version is recordVersion of the gocompose that wrote it.
	Version int               `json:"version"`
	Spec    project.Container `json:"spec"`
	// ImageDigest is the digest of the platform's manifest that Spec.Image was.
	ImageDigest string `json:"imageDigest"`
	// StopSignal is the service's, else the image's, else "SIGTERM".
	StopSignal string `json:"stopSignal"`
	// Args are the process's arguments, of the service or of the image.
	Args []string `json:"args,omitempty"`
	// Anonymous maps mount targets to the names of the anonymous volumes there.
	Anonymous map[string]string `json:"anonymous,omitempty"`
	// MountedImages maps the targets where images are mounted to the digests of
	// their manifests.
	MountedImages map[string]string `json:"mountedImages,omitempty"`
	// Taken are the mounts that were taken over from other containers, with the
	// names of their volumes.
	Taken []project.Mount `json:"taken,omitempty"`
	// Health is how to tell whether the container works: the service's check
	// over the image's, complete; nil: it is not checked.
	Health *project.Healthcheck `json:"health,omitempty"`
	// Exposed are the ports that the image says it listens on: "80/tcp", sorted.
	Exposed []string `json:"exposed,omitempty"`
	// Runtime is the path of the OCI runtime that Spec.Runtime was; empty: our own
	// runc.
	Runtime string `json:"runtime,omitempty"`
}

const (
	// recordVersion rises when an older gocompose would misread a Record; a
	// field that is only added leaves it.
	recordVersion = 1
	// recordType names the extension, and is the type URL of its value.
	recordType = "gocompose.dev/Record"
)

// errNoRecord: somebody else made the container.
var errNoRecord = errors.New("not made by gocompose")

// Encode returns the record as it is stored, of this version: JSON, as the values
// of all types without a protobuf definition.
func (r Record) Encode() ([]byte, error) {
	r.Version = recordVersion
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("writing the record: %w", err)
	}
	return b, nil
}

// DecodeRecord reads what Encode has written, of this version or an earlier one,
// for the container of that ID.
func DecodeRecord(id string, stored []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(stored, &r); err != nil {
		return Record{}, fmt.Errorf("reading the record of container/%s: %w", id, err)
	}
	if r.Version > recordVersion {
		return Record{}, fmt.Errorf("reading the record of container/%s: a later version of gocompose wrote it: use that one", id)
	}
	if r.Health == nil { // written before there were health checks, or there is none
		r.Health = project.EffectiveHealthcheck(r.Spec.Health, nil)
	}
	return r, nil
}

// Ports returns the ports that the service or its image exposes, sorted.
func (r Record) Ports() []string {
	all := slices.Concat(r.Spec.Expose, r.Exposed)
	slices.SortFunc(all, func(x, y string) int {
		return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y))
	})
	return slices.Compact(all)
}

// exposed returns the ports of an image's EXPOSE, which may be without a protocol.
func exposed(image map[string]struct{}) []string {
	var all []string
	for port := range image {
		if !strings.Contains(port, "/") {
			port += "/tcp"
		}
		all = append(all, strings.ToLower(port))
	}
	slices.Sort(all)
	return all
}

// extension returns the record as containerd stores it.
func (r Record) extension() (map[string]typeurl.Any, error) {
	b, err := r.Encode()
	if err != nil {
		return nil, err
	}
	return map[string]typeurl.Any{recordType: &anypb.Any{TypeUrl: recordType, Value: b}}, nil
}

// recordOf returns the record of a container, or errNoRecord.
func recordOf(c containers.Container) (Record, error) {
	ext, ok := c.Extensions[recordType]
	if !ok {
		return Record{}, errNoRecord
	}
	return DecodeRecord(c.ID, ext.GetValue())
}
