package view

// Mode is the form in which progress is shown.
type Mode string

const (
	ModeAuto  Mode = "auto" // tty on a terminal, otherwise plain
	ModeTTY   Mode = "tty"
	ModePlain Mode = "plain"
	ModeJSON  Mode = "json"
	ModeQuiet Mode = "quiet"
)

// Look is what is known about how output may look.
type Look struct {
	ANSI     string // --ansi: "never", "always", or "auto", which "" is too
	NoColor  string // the variable NO_COLOR; see no-color.org
	Term     string // the variable TERM
	Terminal bool   // the output is a terminal
}

// Colours tells whether to write in colour.
func (l Look) Colours() bool {
	switch l.ANSI {
	case "always":
		return true
	case "never":
		return false
	default:
		return l.NoColor == "" && l.Terminal && l.Term != "dumb"
	}
}

// Mode returns what is meant by mode when that leaves it open: it is never
// ModeAuto.
func (l Look) Mode(mode Mode) Mode {
	switch {
	case mode != ModeAuto && mode != "":
		return mode
	case l.ANSI == "never":
		return ModePlain
	case l.ANSI == "always" || l.Terminal && l.Term != "dumb":
		return ModeTTY
	default:
		return ModePlain
	}
}
