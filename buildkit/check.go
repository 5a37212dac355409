package buildkit

import (
	"context"
	"encoding/json"
	"fmt"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/subrequests/lint"
	"github.com/moby/buildkit/solver/errdefs"
)

// Check has the frontend read the Dockerfile without building anything, and returns what
// it finds not good. What no build could be made of is a *Failure.
func (c *Client) Check(ctx context.Context, r Request) ([]Warning, error) {
	var found []Warning
	r.Names = nil // there is no image
	_, err := c.build(ctx, r, func(ctx context.Context, g gateway.Client, s *solve, _ *steps) (*gateway.Result, error) {
		request, err := s.ask(ctx, g)
		if err != nil {
			return nil, err
		}
		request.FrontendOpt["requestid"] = lint.RequestLint
		request.FrontendOpt["frontend.caps"] = "moby.buildkit.frontend.subrequests"
		answer, err := g.Solve(ctx, request)
		if err != nil {
			return nil, err
		}
		var read lint.LintResults
		if err := json.Unmarshal(answer.Metadata["result.json"], &read); err != nil {
			return nil, fmt.Errorf("what was found in the Dockerfile: %w", err)
		}
		found = r.found(read)
		if read.Error == nil {
			return gateway.NewResult(), nil
		}
		return nil, broken(read)
	})
	return found, err
}

func (r Request) found(read lint.LintResults) []Warning {
	var all []Warning
	for _, w := range read.Warnings {
		one := Warning{Service: r.Service, Text: w.RuleName + ": " + w.Detail, URL: w.URL}
		if at := w.Location; at != nil && int(at.SourceIndex) < len(read.Sources) && len(at.Ranges) > 0 {
			one.File = r.place(read.Sources[at.SourceIndex].Filename)
			one.Line = int(at.Ranges[0].GetStart().GetLine())
		}
		all = append(all, one)
	}
	return all
}

// broken is what the frontend cannot go past, with its place.
func broken(read lint.LintResults) error {
	err := fmt.Errorf("%s", read.Error.Message)
	at := &read.Error.Location
	if int(at.SourceIndex) < len(read.Sources) && len(at.Ranges) > 0 {
		return errdefs.WithSource(err, &errdefs.Source{Info: read.Sources[at.SourceIndex], Ranges: at.Ranges})
	}
	return err
}
