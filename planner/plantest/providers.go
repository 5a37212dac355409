package plantest

import (
	"context"
	"fmt"
	"strings"

	"github.com/gocompose/gocompose/project"
)

// RunProvider implements executor.Providers. The program is of the type that the
// world has: it tells the project, and sets what its option "set" says.
func (w *World) RunProvider(ctx context.Context, p project.Provider, action project.ProviderAction, print func(string)) (map[string]string, error) {
	vars := map[string]string{}
	err := w.call(ctx, string(action)+" "+p.ID().String(), func() error {
		if p.Type != w.Provides {
			return fmt.Errorf("there is no program for providers of type %q", p.Type)
		}
		print(p.Project)
		for _, text := range p.Options["set"] {
			name, value, _ := strings.Cut(text, "=")
			vars[strings.ToUpper(p.Name)+"_"+name] = value
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return vars, nil
}
