package daemon

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/docker/go-units"
)

// LimitsVariable names the environment variable that says how much of the disk the
// build cache may take: a size, or several, "max-used-space=20GB,min-free-space=10%".
const LimitsVariable = "GOCOMPOSE_BUILD_CACHE"

// Limits are sizes, "20GB", or parts of the disk, "10%", by which buildkitd takes away
// what builds have not used for longest. Where all are empty they are its own: it keeps a
// tenth of the disk or 10 GB always, four fifths or 100 GB at most, and less of that
// where a fifth of the disk is not free. Otherwise those that are empty do not count
// (https://docs.docker.com/build/cache/garbage-collection).
type Limits struct {
	Reserved string `toml:"reservedSpace,omitempty"` // is kept however full the disk is
	MaxUsed  string `toml:"maxUsedSpace,omitempty"`
	MinFree  string `toml:"minFreeSpace,omitempty"` // of the disk
}

// LimitsOf returns what the environment says of them.
func LimitsOf(getenv func(string) string) (l Limits, err error) {
	text := getenv(LimitsVariable)
	if text == "" {
		return l, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		name, size, named := strings.Cut(strings.TrimSpace(part), "=")
		if !named {
			name, size = "max-used-space", name
		}
		to := map[string]*string{"reserved-space": &l.Reserved, "max-used-space": &l.MaxUsed, "min-free-space": &l.MinFree}[name]
		if to == nil || *to != "" || !validSize(size) {
			return l, fmt.Errorf("%s=%s: not a size such as 20GB or 10%%, nor some of max-used-space=20GB,min-free-space=10%%,reserved-space=2GB",
				LimitsVariable, text)
		}
		*to = size
	}
	return l, nil
}

// validSize accepts what buildkitd does, but for 0: that is no limit there.
func validSize(text string) bool {
	if percent, ok := strings.CutSuffix(text, "%"); ok {
		n, err := strconv.Atoi(percent)
		return err == nil && n > 0 && n <= 100
	}
	n, err := units.RAMInBytes(text)
	return err == nil && n > 0
}
