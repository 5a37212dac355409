package loader

import (
	"runtime"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
)

func TestPlatformsAreNormalised(t *testing.T) {
	for _, tt := range []struct{ written, fallback, want string }{
		{"", "", ""},
		{"linux", "", ""},
		{"linux/" + runtime.GOARCH, "linux/s390x", ""}, // the fallback does not count
		{"", "linux/s390x", "linux/s390x"},
		{"linux/arm/v7", "", "linux/arm/v7"},
		{"linux/arm", "", "linux/arm/v7"},
		{"s390x", "", "linux/s390x"},
		{"linux/mips64le", "", "linux/mips64le"},
		{"linux/amd64/v2", "", "linux/amd64/v2"},
	} {
		c := &converter{src: &source{env: types.Mapping{defaultPlatform: tt.fallback}}}
		var s types.ServiceConfig
		s.Platform = tt.written
		if got := (place{c: c}).platform(s); got != tt.want || len(c.found) > 0 {
			t.Errorf("%q, else %q: got %q, %v, want %q", tt.written, tt.fallback, got, c.found, tt.want)
		}
	}
}
