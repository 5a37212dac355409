package planner

import (
	"cmp"
	"fmt"

	"github.com/gocompose/gocompose/project"
)

// logging compares where output goes. Options of drivers that send it can hold
// what is secret, in the query of an address.
func (d *differ) logging(h, w project.Logging) {
	d.value("logging", logging(h), logging(w))
	d.value("logging.options.cache-disabled", yesNo(h.NotKept), yesNo(w.NotKept))
	d.secret("logging.options", h.Options, w.Options)
}

func logging(l project.Logging) string {
	out := cmp.Or(l.Driver, "default")
	if l.MaxSize != 0 {
		out += fmt.Sprintf(" max-size=%d", l.MaxSize)
	}
	if l.MaxFiles != 0 {
		out += fmt.Sprintf(" max-file=%d", l.MaxFiles)
	}
	return out
}
