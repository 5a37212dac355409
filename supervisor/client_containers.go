package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/project"
)

// Containers returns what the supervisor knows of the containers that are not
// absent, sorted by ID.
func (c *Client) Containers(ctx context.Context) ([]ContainerStatus, error) {
	var all []ContainerStatus
	err := c.do(ctx, http.MethodGet, pathContainers, nil, &all)
	return all, err
}

// Container returns what the supervisor knows of one container. One that it
// knows nothing of is in PhaseAbsent.
func (c *Client) Container(ctx context.Context, id string) (ContainerStatus, error) {
	var s ContainerStatus
	if err := endpoint.CheckID(id); err != nil {
		return s, err
	}
	err := c.do(ctx, http.MethodGet, containerPath(id), nil, &s)
	return s, err
}

// Await returns when it is decided whether the container is, or has become,
// what until says, with the status that decides it; the caller tells by that
// which it is. It is decided
//
//   - always by PhaseEnded and PhaseAbsent: it does not run, and nothing will be
//     started; what is known of the last run is in ExitedAt and ExitCode, as far
//     as the supervisor has seen it;
//   - of project.Started by PhaseRunning and PhasePaused;
//   - of project.Healthy and project.Ready by these two phases when the health is
//     health.Healthy, health.Unhealthy or nil, which is: not checked;
//   - of project.Completed by nothing else.
//
// While anybody awaits its health a container is probed more often. The error
// is ErrNotRunning when the supervisor dies meanwhile.
func (c *Client) Await(ctx context.Context, id string, until project.Condition) (ContainerStatus, error) {
	var s ContainerStatus
	if err := endpoint.CheckID(id); err != nil {
		return s, err
	}
	query := url.Values{"until": {string(until)}}
	err := c.do(ctx, http.MethodPost, containerPath(id)+"/await?"+query.Encode(), nil, &s)
	return s, err
}

// Watch follows the containers until ctx ends or the supervisor does, which is
// ErrNotRunning, or one of the functions returns an error, which it returns. It
// calls changed with the status of each container that is not absent, then
// synced, once, then changed with the latest status of each container that has
// changed: PhaseAbsent is the last of one. A caller that is slow misses what
// was in between, and sees so by Runs. Results of probes are a change only when
// they change the health's status.
func (c *Client) Watch(ctx context.Context, changed func(ContainerStatus) error, synced func() error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://supervisor"+pathContainers+"?watch=1", nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.explain(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		data, err := io.ReadAll(resp.Body)
		if err != nil {
			return c.explain(ctx, err)
		}
		return failed(resp.Status, data)
	}
	lines := json.NewDecoder(resp.Body)
	for {
		var line watchLine
		err := lines.Decode(&line)
		switch {
		case err != nil && !wellFormed(err):
			return fmt.Errorf("reading the supervisor's answer: %w", err)
		case err != nil:
			return c.explain(ctx, err)
		case line.Synced:
			err = synced()
		case line.Container != nil:
			err = changed(*line.Container)
		}
		if err != nil {
			return err
		}
	}
}

// watchLine is one line of the answer to a watch: one of the two.
type watchLine struct {
	Container *ContainerStatus `json:"container,omitempty"`
	// Synced: all that was there has been said.
	Synced bool `json:"synced,omitempty"`
}

// wellFormed says whether the error is of the connection, not of what came
// through it.
func wellFormed(err error) bool {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	return !errors.As(err, &syntax) && !errors.As(err, &kind)
}

func containerPath(id string) string { return pathContainers + "/" + url.PathEscape(id) }
