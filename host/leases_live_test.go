//go:build live

package host

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/containerd/containerd/v2/pkg/namespaces"

	"github.com/gocompose/gocompose/containerd"
)

// What a command leaves is gone on with also while it lives on, as watch does; what belongs
// to one that goes on is not, be it about images or about another project.
func TestWhatIsLeftIsTakenOver(t *testing.T) {
	for _, project := range []string{"", "shop"} {
		t.Run("project "+project, func(t *testing.T) {
			h := open(t)
			ctx := t.Context()
			keeps := func(leased context.Context) bool {
				kept, err := h.containerd.Keeps(leased)
				if err != nil {
					t.Fatal(err)
				}
				return kept
			}
			lease := func(of string) (context.Context, *Lease) {
				leased, l, err := h.Lease(ctx, of)
				if err != nil {
					t.Fatal(err)
				}
				fetch(t, h, leased, "of "+l.path, 1<<20, false)
				return leased, l
			}
			ofLeft, left := lease(project)
			ofOther, other := lease("other") // left by another project
			ofGoesOn, goesOn := lease("")
			for leased, l := range map[context.Context]*Lease{ofLeft: left, ofOther: other} {
				if err := l.Leave(leased); err != nil {
					t.Fatal(err)
				}
			}
			leased, next, err := h.Lease(ctx, project)
			if err != nil {
				t.Fatal(err)
			}
			if keeps(leased) {
				t.Error("it keeps something before it has taken anything over")
			}
			if err := h.TakeOver(leased, project); err != nil {
				t.Fatal(err)
			}
			if !keeps(leased) || keeps(ofLeft) || !keeps(ofOther) || !keeps(ofGoesOn) {
				t.Errorf("now %v, which was left %v, which was left by another project %v, which goes on %v",
					keeps(leased), keeps(ofLeft), keeps(ofOther), keeps(ofGoesOn))
			}
			for _, l := range []*Lease{next, goesOn} {
				if err := l.End(ctx); err != nil {
					t.Fatal(err)
				}
			}
			leased, empty, err := h.Lease(ctx, project)
			if err == nil {
				err = empty.Leave(leased)
			}
			if err != nil {
				t.Fatal(err)
			}
			leases, err := h.containerd.Raw().LeasesService().List(namespaces.WithNamespace(ctx, containerd.DefaultNamespace))
			if err != nil || len(leases) != 1 || leases[0].Labels[containerd.ProjectLabel] != "other" {
				t.Errorf("leases that are left: %v, %v", leases, err)
			}
			if locks, err := filepath.Glob(filepath.Join(h.cfg.Paths.Locks(), leaseLock+"*")); err != nil || len(locks) > 0 {
				t.Errorf("locks that are left: %q, %v", locks, err)
			}
		})
	}
}
