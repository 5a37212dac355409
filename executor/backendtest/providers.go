package backendtest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/gocompose/gocompose/project"
)

func (s *suite) provider() project.Provider {
	return project.Provider{Project: projectName, Name: "db", Type: s.Provider,
		Options: map[string][]string{"set": {"URL=here", "EMPTY="}}}
}

// run has a provider do something and returns what it printed and set.
func (s *suite) run(p project.Provider, action project.ProviderAction) (lines []string, vars map[string]string) {
	s.Helper()
	var mu sync.Mutex
	vars, err := s.Backend.RunProvider(s.ctx, p, action, func(line string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, line)
	})
	s.must(err)
	return lines, vars
}

func testProvider(s *suite) {
	want := map[string]string{"DB_URL": "here", "DB_EMPTY": ""}
	for range 2 {
		lines, vars := s.run(s.provider(), project.ProviderUp)
		if !maps.Equal(vars, want) || !slices.Equal(lines, []string{projectName}) {
			s.Fatalf("it set %v and said %q", vars, lines)
		}
	}
	for range 2 {
		s.run(s.provider(), project.ProviderDown)
	}
	ended, cancel := context.WithCancel(s.ctx)
	cancel()
	_, err := s.Backend.RunProvider(ended, s.provider(), project.ProviderUp, func(string) {})
	if !errors.Is(err, context.Canceled) {
		s.Fatalf("its context has ended: %v", err)
	}
}

func testNoProvider(s *suite) {
	p := s.provider()
	p.Type = "no-such-provider"
	_, err := s.Backend.RunProvider(s.ctx, p, project.ProviderUp, func(string) {})
	s.fails(err, "a provider of an unknown type")
}
