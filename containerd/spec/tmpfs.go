package spec

import (
	"fmt"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// tmpfs returns a tmpfs with Docker's options rw, noexec, nosuid and nodev, as
// far as the user's own do not say otherwise.
func tmpfs(m Mount) (specs.Mount, error) {
	options := []string{"rw", "noexec", "nosuid", "nodev"}
	if m.ReadOnly {
		options[0] = "ro"
	}
	for _, o := range m.Options {
		subject, err := optionSubject(o)
		if err != nil {
			return specs.Mount{}, err
		}
		// The last word on a subject counts.
		options = slices.DeleteFunc(options, func(earlier string) bool {
			s, _ := optionSubject(earlier)
			return s == subject
		})
		options = append(options, o)
	}
	return specs.Mount{Destination: m.Target, Type: "tmpfs", Source: "tmpfs", Options: options}, nil
}

// optionSubject returns what a mount option of a tmpfs decides on, the same for
// an option and its opposite: "noexec" for "exec" and "noexec".
func optionSubject(option string) (string, error) {
	name, value, hasValue := strings.Cut(option, "=")
	if hasValue {
		switch name {
		case "size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol":
			if value != "" {
				return name, nil
			}
		}
		return "", fmt.Errorf("a tmpfs has no option %q", option)
	}
	switch option {
	case "ro", "rw":
		return "rw", nil
	case "sync", "async":
		return "sync", nil
	case "suid", "nosuid", "dev", "nodev", "exec", "noexec", "dirsync",
		"atime", "noatime", "diratime", "nodiratime", "relatime", "norelatime",
		"strictatime", "nostrictatime", "lazytime", "nolazytime":
		return strings.TrimPrefix(option, "no"), nil
	}
	return "", fmt.Errorf("a tmpfs has no option %q", option)
}
