// Package buildkit has images built by a buildkitd, which works on the containerd that
// containers run on: so an image that is built is in the store that they are made from.
package buildkit

import (
	"context"
	"fmt"

	"github.com/moby/buildkit/client"
	"github.com/sirupsen/logrus"
	"google.golang.org/grpc/metadata"
)

// Client is a connection to a buildkitd.
type Client struct{ client *client.Client }

// Dial returns a client of the buildkitd that listens at a socket. The connection is made
// when there is something to ask.
func Dial(ctx context.Context, socket string) (*Client, error) {
	logrus.SetLevel(logrus.PanicLevel) // what libraries remark is not for users
	c, err := client.New(ctx, "unix://"+socket)
	if err != nil {
		return nil, fmt.Errorf("connecting to buildkitd at %s: %w", socket, err)
	}
	return &Client{c}, nil
}

// alone is a context without what is sent along with calls of containerd: its namespace
// and its lease. buildkitd would take them for its own.
func alone(ctx context.Context) context.Context { return metadata.NewOutgoingContext(ctx, nil) }

// Close ends the connection.
func (c *Client) Close() error { return c.client.Close() }
