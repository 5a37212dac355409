package containerd

import (
	"fmt"

	contrib "github.com/containerd/containerd/v2/contrib/apparmor"
	"github.com/containerd/containerd/v2/pkg/apparmor"

	"github.com/gocompose/gocompose/project"
)

// appArmorProfile is the name of the profile of containers that ask for none:
// containerd's template, which is Docker's too.
const appArmorProfile = "gocompose-default"

// appArmor is the host's AppArmor.
type appArmor struct {
	enabled func() bool
	load    func(profile string) error // unless it is loaded
}

func hostAppArmor() appArmor {
	return appArmor{enabled: apparmor.HostSupports, load: contrib.LoadDefaultProfile}
}

// profile returns the name of the profile for containers; none without AppArmor.
func (a appArmor) profile() string {
	if !a.enabled() {
		return ""
	}
	return appArmorProfile
}

// prepare loads the profile for containers, when this is one that is confined by
// it: a reboot unloads it.
func (a appArmor) prepare(c project.Container) error {
	builtin := c.Security.AppArmor == project.AppArmorBuiltin || c.Security.AppArmor == "" && !c.Privileged
	if !builtin || !a.enabled() {
		return nil
	}
	if err := a.load(appArmorProfile); err != nil {
		return fmt.Errorf("loading the AppArmor profile %s: %w", appArmorProfile, err)
	}
	return nil
}
