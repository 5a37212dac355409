package supervisor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/networks/endpoint"
)

// ErrNotRunning: no supervisor answers.
var ErrNotRunning = errors.New("the supervisor is not running")

// holdTries is how often a supervisor that dies or leaves meanwhile is started
// again to hold something.
const holdTries = 3

// Client talks to the supervisor of one layout. It can be used from any
// goroutine. A connection stays open until Close, so that the supervisor does
// not leave as if nobody needed it.
type Client struct {
	socket string
	http   *http.Client
	start  func(context.Context) error // nil: it is not ours to start
}

// NewClient returns a client that takes the supervisor as it finds it.
func NewClient(p paths.Paths) *Client {
	socket := p.SupervisorSocket()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	return &Client{
		socket: socket,
		http:   &http.Client{Transport: &http.Transport{DialContext: dial, DisableCompression: true}},
	}
}

// Close ends the connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Hold has the endpoint held, and returns it with the host ports it has got.
// From then on names are answered in its network namespace, other containers
// know its names, and its published ports are taken: also by the next
// supervisor, from the record that the caller writes. Of a port that somebody
// else has, the error is a *PortTakenError.
func (c *Client) Hold(ctx context.Context, e endpoint.Endpoint) (endpoint.Endpoint, error) {
	if err := endpoint.CheckID(e.ID); err != nil {
		return e, err
	}
	var held endpoint.Endpoint
	for try := 1; ; try++ {
		err := c.do(ctx, http.MethodPut, pathEndpoints+"/"+url.PathEscape(e.ID), e, &held)
		again := errors.Is(err, ErrNotRunning) || errors.Is(err, errLeaving)
		if again && c.start != nil && try < holdTries {
			if err = c.start(ctx); err == nil {
				continue
			}
		}
		if err != nil {
			return e, err
		}
		return held, nil
	}
}

// Release lets go of what is held for the container. Nothing held is no error,
// and neither is no supervisor: then nothing is held.
func (c *Client) Release(ctx context.Context, id string) error {
	if err := endpoint.CheckID(id); err != nil {
		return err
	}
	err := c.do(ctx, http.MethodDelete, pathEndpoints+"/"+url.PathEscape(id), nil, nil)
	if errors.Is(err, ErrNotRunning) {
		return nil
	}
	return err
}

// Endpoints returns what is held, sorted by ID.
func (c *Client) Endpoints(ctx context.Context) ([]endpoint.Endpoint, error) {
	var es []endpoint.Endpoint
	err := c.do(ctx, http.MethodGet, pathEndpoints, nil, &es)
	return es, err
}

// Status returns what the supervisor says of itself.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	err := c.do(ctx, http.MethodGet, pathStatus, nil, &s)
	return s, err
}

func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://supervisor"+path, body)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.explain(ctx, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return c.explain(ctx, err)
	case resp.StatusCode >= 300:
		return failed(resp.Status, data)
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("reading the supervisor's answer: %w", err)
	}
	return nil
}

// explain says why there was no answer. Whatever happened to the connection,
// nobody is at its other end.
func (c *Client) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("asking the supervisor: %w", context.Cause(ctx))
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return fmt.Errorf("%w at %s: %w", ErrNotRunning, c.socket, err)
}

// failed turns an answer that says what went wrong back into an error.
func failed(status string, data []byte) error {
	var f failure
	if err := json.Unmarshal(data, &f); err != nil {
		return fmt.Errorf("the supervisor answered %q", status)
	}
	switch {
	case f.Code == codeLeaving:
		return errLeaving
	case f.Code == codePortTaken && f.Port != nil:
		return f.Port
	}
	return errors.New(f.Message)
}
