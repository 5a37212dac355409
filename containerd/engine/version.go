package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	containerd "github.com/containerd/containerd/v2/client"
)

// ErrTooOld: the containerd at the given address cannot start our shim.
var ErrTooOld = errors.New("too old")

// The first version of containerd that runs shims by their absolute path, which
// is how one that is not ours finds our shim; Debian 12 has it.
const (
	minMajor = 1
	minMinor = 6
)

// checkVersion refuses a containerd that is not ours and too old.
func checkVersion(ctx context.Context, address string) error {
	v, err := Version(ctx, address)
	if err != nil {
		return err
	}
	if tooOld(v) {
		return fmt.Errorf("containerd at %s is version %s, %w: gocompose needs %d.%d or newer; upgrade it, or leave out --address and CONTAINERD_ADDRESS to use gocompose's own",
			address, v, ErrTooOld, minMajor, minMinor)
	}
	return nil
}

// Version asks the containerd at address, a socket's path, for its version.
func Version(ctx context.Context, address string) (version string, err error) {
	client, err := containerd.New(address)
	if err != nil {
		return "", fmt.Errorf("connecting to containerd at %s: %w", address, err)
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	v, err := client.Version(ctx)
	if err != nil {
		return "", fmt.Errorf("asking containerd at %s for its version: %w", address, err)
	}
	return v.Version, nil
}

// tooOld compares a version such as "v2.3.7", "1.6.0-rc.1" or "1.6.20~ds1" with
// the least we need. One that is not a number, such as a development build's,
// passes.
func tooOld(version string) bool {
	majorText, rest, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minorText, _, _ := strings.Cut(rest, ".")
	major, err := strconv.Atoi(majorText)
	if err != nil {
		return false
	}
	minor, err := strconv.Atoi(minorText)
	if err != nil {
		return false
	}
	return major < minMajor || major == minMajor && minor < minMinor
}
