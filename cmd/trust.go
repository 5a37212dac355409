package cmd

import (
	"github.com/spf13/pflag"

	"github.com/gocompose/gocompose/project/loader"
)

// trustFlags say which images may be used: those of commands that make containers.
type trustFlags struct {
	locked bool
}

func (f *trustFlags) add(fs *pflag.FlagSet) {
	fs.BoolVar(&f.locked, "locked", false, "Use exactly the images that compose.lock.yaml has, see `gocompose lock`")
}

// complete takes what the environment says.
func (f *trustFlags) complete(a *app, fs *pflag.FlagSet) {
	if !fs.Changed("locked") {
		f.locked = a.envBool("GOCOMPOSE_LOCKED")
	}
}

func (f *trustFlags) load(o *loader.Options) { o.Locked = f.locked }
