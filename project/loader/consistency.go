package loader

import "context"

// inconsistent explains an error of binding the model. compose-go stops at the
// first service that refers to what is not there; all are wanted.
func (s *source) inconsistent(ctx context.Context, first error, m ModelOptions, profiles []string) error {
	return s.explain(first)
}
