package spec

import (
	"errors"
	"fmt"
	"slices"

	"github.com/moby/profiles/seccomp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/gocompose/gocompose/project"
)

// secure gives the process what it may do beside its capabilities.
func secure(in Input, p *specs.Process) (err error) {
	s := in.Container.Security
	p.NoNewPrivileges = s.NoNewPrivileges
	if s.Umask != nil {
		mask := uint32(*s.Umask)
		p.User.Umask = &mask
	}
	if in.Host.SELinux && len(s.Labels) > 0 && !slices.Contains(s.Labels, "disable") {
		return fmt.Errorf("security_opt: label=%s: this host has SELinux, and containers are not labelled here: "+
			"only label=disable can be", s.Labels[0])
	}
	p.ApparmorProfile, err = appArmor(in)
	return err
}

// appArmor returns the process's AppArmor profile: what was asked for, or that
// for containers, which privileged ones do without. No name is no AppArmor.
func appArmor(in Input) (string, error) {
	asked, hosts := in.Container.Security.AppArmor, in.Host.AppArmor
	switch {
	case asked == project.AppArmorBuiltin:
		return hosts, nil
	case hosts == "" && asked != "" && asked != project.AppArmorUnconfined:
		return "", fmt.Errorf("security_opt: apparmor=%s: AppArmor is not enabled on this host, or apparmor_parser is not installed: "+
			"nothing would confine the container; remove it, or enable AppArmor", asked)
	case hosts == "":
		return "", nil
	case asked != "":
		return asked, nil
	case in.Container.Privileged:
		return project.AppArmorUnconfined, nil
	}
	return hosts, nil
}

// addProfile gives s the seccomp profile that was asked for. What its rules say
// about capabilities is about the bounding set of s.
func addProfile(c project.Container, s *specs.Spec) (err error) {
	switch asked := c.Security.Seccomp; asked {
	case project.SeccompUnconfined:
		return nil
	case project.SeccompBuiltin:
		return addSeccomp(s)
	case "":
		if c.Privileged {
			return nil
		}
		return addSeccomp(s)
	default:
		s.Linux.Seccomp, err = seccomp.LoadProfile(asked, s)
	}
	if err == nil && s.Linux.Seccomp == nil {
		err = errors.New("it is empty")
	}
	if err != nil {
		return fmt.Errorf("security_opt: the seccomp profile: %w", err)
	}
	return nil
}
