package planner

import (
	"cmp"
	"container/heap"
	"fmt"
	"strings"
)

// CycleError reports services that wait for each other.
type CycleError struct {
	// Path starts and ends with the same service.
	Path []string
}

func (e *CycleError) Error() string {
	return "dependency cycle detected: " + strings.Join(e.Path, " -> ")
}

// sorted puts steps in order: dependencies first, then by name. It takes
// O((n+m) log n) for n steps that wait m times.
func sorted(steps []Step) ([]Step, error) {
	g := stepQueue{ids: make([]StepID, len(steps))}
	at := make(map[StepID]int, len(steps))
	for i, s := range steps {
		id := s.ID()
		if _, dup := at[id]; dup {
			return nil, fmt.Errorf("internal error: step %q planned twice", id)
		}
		at[id], g.ids[i] = i, id
	}
	waits := make([]int, len(steps))
	unlocks := make([][]int, len(steps))
	for i, s := range steps {
		for _, list := range [][]StepID{s.Needs, s.After} {
			for _, n := range list {
				j, ok := at[n]
				if !ok {
					return nil, fmt.Errorf("internal error: step %q waits for %q, which is not in the plan", g.ids[i], n)
				}
				unlocks[j] = append(unlocks[j], i)
			}
		}
		waits[i] = len(s.Needs) + len(s.After)
		if waits[i] == 0 {
			g.ready = append(g.ready, i)
		}
	}
	heap.Init(&g)
	out := make([]Step, 0, len(steps))
	for g.Len() > 0 {
		i := heap.Pop(&g).(int)
		out = append(out, steps[i])
		for _, u := range unlocks[i] {
			if waits[u]--; waits[u] == 0 {
				heap.Push(&g, u)
			}
		}
	}
	if len(out) < len(steps) {
		return nil, fmt.Errorf("internal error: %d steps wait for each other", len(steps)-len(out))
	}
	return out, nil
}

// stepQueue is a heap of steps that wait for nothing, by name.
type stepQueue struct {
	ids   []StepID
	ready []int // indices into ids
}

func (q *stepQueue) Len() int { return len(q.ready) }
func (q *stepQueue) Less(a, b int) bool {
	return compareNatural(string(q.ids[q.ready[a]]), string(q.ids[q.ready[b]])) < 0
}
func (q *stepQueue) Swap(a, b int) { q.ready[a], q.ready[b] = q.ready[b], q.ready[a] }
func (q *stepQueue) Push(x any)    { q.ready = append(q.ready, x.(int)) }
func (q *stepQueue) Pop() any {
	last := len(q.ready) - 1
	x := q.ready[last]
	q.ready = q.ready[:last]
	return x
}

// compareNatural orders strings as people do: "web-2" before "web-10". Only
// equal strings compare as equal.
func compareNatural(a, b string) int {
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		na, nb := digits(a[i:]), digits(b[j:])
		if na == 0 || nb == 0 {
			if a[i] != b[j] {
				return cmp.Compare(a[i], b[j])
			}
			i, j = i+1, j+1
			continue
		}
		x, y := strings.TrimLeft(a[i:i+na], "0"), strings.TrimLeft(b[j:j+nb], "0")
		if c := cmp.Compare(len(x), len(y)); c != 0 {
			return c
		}
		if c := cmp.Compare(x, y); c != 0 {
			return c
		}
		i, j = i+na, j+nb
	}
	if i < len(a) || j < len(b) {
		return cmp.Compare(len(a)-i, len(b)-j) // what ends first is first
	}
	return cmp.Compare(a, b) // "01" is not "1"
}

// digits counts the decimal digits s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}
