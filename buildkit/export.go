package buildkit

import (
	"strings"

	"github.com/moby/buildkit/client"
)

// export puts the image into the store. What the files give a name may be pushed, so it is
// packed in the way that every engine unpacks, and not too thoroughly: the best packing takes
// longer than the rest of many a build. What has only the name that we give it stays on
// this host, as it is.
func (r Request) export() client.ExportEntry {
	e := client.ExportEntry{Type: client.ExporterImage, Attrs: map[string]string{
		"name":        strings.Join(r.Names, ","),
		"unpack":      "true",
		"compression": "uncompressed",
	}}
	if r.Build.Named || len(r.Build.Tags) > 0 {
		e.Attrs["compression"], e.Attrs["compression-level"] = "gzip", "1"
	}
	return e
}
