package project

import "strings"

// DriverLocal is the driver of all volumes.
const DriverLocal = "local"

// Options of the local driver, by Docker's names. A volume without any is a
// folder; one that has some is what they say is mounted.
const (
	VolumeType   = "type"   // a file system type; "none" for a bind
	VolumeDevice = "device" // what is mounted: "/srv/data", ":/export"
	VolumeMount  = "o"      // options as in mount(8): "bind,ro", "addr=10.0.0.1,rw"
)

// Volume is one volume of a project.
type Volume struct {
	// Name is the full name, unique on the host: "shop_data".
	Name string `json:"name"`
	// Key is the name in the Compose file: "data"; empty for an anonymous one.
	Key string `json:"key,omitempty"`
	// Project is empty of what `volume create` makes.
	Project  string            `json:"project,omitempty"`
	External bool              `json:"external,omitempty"`
	Driver   string            `json:"driver,omitempty"` // empty: DriverLocal
	Labels   map[string]string `json:"labels,omitempty"`
	// Options are the driver's, as they were written. There may be passwords
	// among them: people see what HideSecrets makes of it.
	Options map[string]string `json:"options,omitempty"`
	// Anonymous: made without a name, for one container's mount.
	Anonymous bool `json:"anonymous,omitempty"`
}

// ID returns "volume/<name>".
func (v Volume) ID() ID { return ID{KindVolume, v.Name} }

// hiddenOption stands where the value of one is not shown.
const hiddenOption = "********"

// HideSecrets returns mount options, "username=me,password=x", without the
// values of those that are passwords or keys.
func HideSecrets(options string) string {
	all := strings.Split(options, ",")
	for i, o := range all {
		key, _, valued := strings.Cut(o, "=")
		key = strings.ToLower(key)
		if valued && (strings.Contains(key, "pass") || strings.Contains(key, "secret") || strings.Contains(key, "key")) {
			all[i] = o[:len(key)+1] + hiddenOption
		}
	}
	return strings.Join(all, ",")
}
