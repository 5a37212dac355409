package buildkit

import (
	"strings"

	"github.com/moby/buildkit/client"
)

// packing is how layers are packed, in the words of BuildKit's exporters. What the files give
// a name may be pushed, so it is packed in the way that every engine unpacks, and not too
// thoroughly: the best packing takes longer than the rest of many a build. What has only the
// name that we give it stays on this host, as it is.
func (r Request) packing() map[string]string {
	if r.Build.Named || len(r.Build.Tags) > 0 {
		return map[string]string{"compression": "gzip", "compression-level": "1"}
	}
	return map[string]string{"compression": "uncompressed"}
}

// export puts the image into the store.
func (r Request) export() client.ExportEntry {
	e := client.ExportEntry{Type: client.ExporterImage, Attrs: r.packing()}
	e.Attrs["name"], e.Attrs["unpack"] = strings.Join(r.Names, ","), "true"
	return e
}

// ahead has our buildkitd pack each layer as soon as it is made. What of a build is attested
// it would not know then.
func (s *solve) ahead(r Request) error {
	if len(r.Names) == 0 || s.attested() {
		return nil
	}
	for name, value := range r.packing() {
		s.attrs["ahead:"+name] = value
	}
	return nil
}
