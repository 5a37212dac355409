package cmd

import (
	"errors"

	"github.com/spf13/pflag"

	"github.com/gocompose/gocompose/project/loader"
)

// trustFlags say which images may be used: those of commands that make containers.
type trustFlags struct {
	verify string
	locked bool
}

func (f *trustFlags) add(fs *pflag.FlagSet) {
	fs.Var((*keyPath)(&f.verify), "verify", "Use images only when they are signed with this public key, whatever the Compose file says of that")
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

// keyPath is the path of a key. One that is empty, as an unset variable is, does not mean that
// nothing is verified.
type keyPath string

func (k *keyPath) String() string { return string(*k) }
func (k *keyPath) Type() string   { return "string" }

func (k *keyPath) Set(path string) error {
	if path == "" {
		return errors.New("want the path of a public key, as cosign.pub")
	}
	*k = keyPath(path)
	return nil
}
