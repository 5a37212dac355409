package supervisor

import (
	"log/slog"
	"slices"
	"sync"
)

// report is the set of what is wrong now. A problem is logged when it comes,
// changes or goes, so that one that stays does not fill the log.
type report struct {
	log *slog.Logger

	mu       sync.Mutex
	problems map[string]string // what is affected, and how
}

func newReport(log *slog.Logger) *report {
	return &report{log: log, problems: map[string]string{}}
}

// set says how the subject is: nil is well.
func (r *report) set(subject string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was, bad := r.problems[subject]
	switch {
	case err == nil && bad:
		delete(r.problems, subject)
		r.log.Info("well again", "subject", subject)
	case err != nil && was != err.Error():
		r.problems[subject] = err.Error()
		r.log.Error(err.Error(), "subject", subject)
	}
}

// list returns the problems, sorted.
func (r *report) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for subject, problem := range r.problems {
		out = append(out, subject+": "+problem)
	}
	slices.Sort(out)
	return out
}
