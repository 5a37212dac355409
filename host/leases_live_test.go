//go:build live

package host

import (
	"path/filepath"
	"testing"
)

// What a command leaves is gone on with also while it lives on, as watch does; what belongs
// to one that goes on is not, be it about images or about another project.
func TestWhatIsLeftIsTakenOver(t *testing.T) {
	for _, project := range []string{"", "shop"} {
		t.Run("project "+project, func(t *testing.T) {
			h := open(t)
			ctx := t.Context()
			lease := func(of string) (*Lease, func() bool) {
				leased, l, err := h.Lease(ctx, of)
				if err != nil {
					t.Fatal(err)
				}
				fetch(t, h, leased, "of "+l.path, 1<<20, false)
				return l, func() bool {
					kept, err := h.Keeps(leased)
					if err != nil {
						t.Fatal(err)
					}
					return kept
				}
			}
			left, leftKeeps := lease(project)
			goesOn, goesOnKeeps := lease("")
			other, otherKeeps := lease("other")
			if err := left.Leave(); err != nil {
				t.Fatal(err)
			}
			leased, next, err := h.Lease(ctx, project)
			if err != nil {
				t.Fatal(err)
			}
			if kept, err := h.Keeps(leased); err != nil || kept {
				t.Errorf("it keeps something before it has taken anything over: %v, %v", kept, err)
			}
			if err := h.TakeOver(leased, project); err != nil {
				t.Fatal(err)
			}
			if kept, err := h.Keeps(leased); err != nil || !kept {
				t.Errorf("what was left is not kept: %v", err)
			}
			if leftKeeps() || !goesOnKeeps() || !otherKeeps() {
				t.Errorf("after that keep what they kept: the one that was left %v, those that go on %v %v", leftKeeps(), goesOnKeeps(), otherKeeps())
			}
			for _, l := range []*Lease{next, goesOn, other} {
				if err := l.End(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if locks, err := filepath.Glob(filepath.Join(h.cfg.Paths.Locks(), leaseLock+"*")); err != nil || len(locks) > 0 {
				t.Errorf("locks that are left: %q, %v", locks, err)
			}
		})
	}
}
