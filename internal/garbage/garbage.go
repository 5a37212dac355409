// Package garbage has a program collect its garbage rarely, from its start on. Libraries
// allocate enough when they are initialised for a first collection, which is a tenth of
// what a short command takes. Packages are initialised in the order of their paths as far
// as their imports allow, so this one comes before most of them.
package garbage

import "runtime/debug"

// percent suits commands, which are over before garbage matters. What runs for long
// chooses its own.
const percent = 400

// It is no constant table, as package variables are otherwise: only here it is in time.
var _ = debug.SetGCPercent(percent)
