package host

import "context"

// Rest is still to be done.
func (r *runtime) Rest(context.Context, string, bool) error { return nil }
