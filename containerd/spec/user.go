package spec

import specs "github.com/opencontainers/runtime-spec/specs-go"

// ProcessUser returns the user of another process in a container whose own
// process is run by like.
func ProcessUser(u User, like specs.User) specs.User {
	return specs.User{
		UID: u.UID, GID: u.GID, Umask: like.Umask,
		AdditionalGids: append([]uint32{u.GID}, u.Groups...), // see process
	}
}

// CapabilitiesFor returns the capabilities of a process: only root holds some,
// others can get them, up to the bounding set, from files. Inheritable ones would
// outlive a change of user.
func CapabilitiesFor(u specs.User, bounding []string) *specs.LinuxCapabilities {
	c := &specs.LinuxCapabilities{Bounding: bounding}
	if u.UID == 0 {
		c.Effective, c.Permitted = bounding, bounding
	}
	return c
}
