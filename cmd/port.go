package cmd

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
)

type portFlags struct {
	index    int
	protocol string
}

func (a *app) portCommand() *cobra.Command {
	var f portFlags
	c := &cobra.Command{
		Use:   "port [OPTIONS] SERVICE PRIVATE_PORT[/PROTOCOL]",
		Short: "Print the public port for a port binding",
		Long: "Prints the address and port of the host at which a port of a service's container is published: of the first\n" +
			"container that runs, or of that with --index.",
		Example: "gocompose port web 80\ngocompose port --protocol udp dns 53\ngocompose port --index 2 web 443/tcp",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage("%q needs a SERVICE and a PRIVATE_PORT, got %d arguments", c.CommandPath(), len(args))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			port, protocol, err := f.wanted(args[1], c.Flags().Changed("protocol"))
			if err != nil {
				return err
			}
			return a.withOne(c.Context(), one{service: args[0], index: f.index}, func(_ context.Context, _ *host.Host, i host.Info) error {
				at, err := publishedAt(i, port, protocol)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(a.Out, at)
				return err
			})
		},
	}
	c.Flags().IntVar(&f.index, "index", 0, "Index of the container if service has multiple replicas")
	c.Flags().StringVar(&f.protocol, "protocol", "tcp", "tcp or udp")
	return c
}

// wanted reads the port that is asked for.
func (f portFlags) wanted(arg string, flag bool) (port uint16, protocol string, err error) {
	number, of, has := strings.Cut(arg, "/")
	protocol = strings.ToLower(f.protocol)
	if of = strings.ToLower(of); has {
		if flag && of != protocol {
			return 0, "", usage("port %s, and --protocol %s: one of them is wrong", arg, f.protocol)
		}
		protocol = of
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil || n == 0 {
		return 0, "", usage("%q is no port: a number up to 65535, with /tcp or /udp or without", arg)
	}
	if !slices.Contains([]string{"tcp", "udp", "sctp"}, protocol) {
		return 0, "", usage("unknown protocol %q: tcp or udp", protocol)
	}
	return uint16(n), protocol, nil
}

// publishedAt returns where the host has a container's port: "0.0.0.0:49153".
func publishedAt(i host.Info, port uint16, protocol string) (string, error) {
	has := []string{}
	for _, p := range i.Ports {
		if p.Target == port && p.Protocol == protocol {
			return net.JoinHostPort(hostAddresses(p)[0], strconv.Itoa(int(p.HostPort))), nil
		}
		if text := fmt.Sprintf("%d/%s", p.Target, p.Protocol); !slices.Contains(has, text) {
			has = append(has, text)
		}
	}
	if len(has) == 0 {
		has = append(has, "it publishes none")
	}
	return "", fmt.Errorf("no port %d/%s for container %s: %s", port, protocol, i.Name, strings.Join(has, ", "))
}
