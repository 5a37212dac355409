package cmd

import (
	"github.com/spf13/pflag"

	"github.com/gocompose/gocompose/project/loader"
)

// trustFlags say which images may be used: those of commands that make containers.
type trustFlags struct {
	verify string
	locked bool
}

func (f *trustFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.verify, "verify", "", "Use images only when they are signed with this public key, whatever the Compose file says of that")
	fs.BoolVar(&f.locked, "locked", false, "Use exactly the images that compose.lock.yaml has, see `gocompose lock`")
}

// complete takes what the environment says.
func (f *trustFlags) complete(a *app, fs *pflag.FlagSet) {
	if !fs.Changed("locked") {
		f.locked = a.envBool("GOCOMPOSE_LOCKED")
	}
}

func (f *trustFlags) load(o *loader.Options) {
	o.Locked, o.VerifyKey, o.Trust = f.locked, f.verify, true
}
