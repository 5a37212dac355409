package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/project/loader"
)

type networkCreateFlags struct {
	driver, ipamDriver        string
	subnets, gateways, ranges []string
	reserved, options, labels []string
	internal, attachable      bool
	ipv4, ipv6                bool
}

func (a *app) networkCreateCommand() *cobra.Command {
	var f networkCreateFlags
	c := &cobra.Command{
		Use:   "create [OPTIONS] NETWORK",
		Short: "Create a network",
		Long: "Creates a network that belongs to no project, and prints its ID. Compose files use it as an external one. What can\n" +
			"be said of it is what they can say of theirs: see attributes.md.",
		Example:           "  gocompose network create --subnet 10.20.0.0/24 --internal backbone",
		Args:              oneNetwork,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, names []string) error {
			return a.networkCreate(c.Context(), f, names[0])
		},
	}
	f.add(c.Flags())
	drivers := []string{project.DriverBridge, project.DriverMacvlan, project.DriverIpvlan}
	_ = c.RegisterFlagCompletionFunc("driver", cobra.FixedCompletions(drivers, cobra.ShellCompDirectiveNoFileComp)) // fails for unknown flags only
	return c
}

func (f *networkCreateFlags) add(fs *pflag.FlagSet) {
	fs.BoolVar(&f.attachable, "attachable", false, "Enable manual container attachment: every network has it")
	fs.StringArrayVar(&f.reserved, "aux-address", nil, "Addresses that no container gets, as NAME=ADDRESS")
	fs.StringVarP(&f.driver, "driver", "d", project.DriverBridge, "Driver to manage the Network: bridge, macvlan, ipvlan")
	fs.StringSliceVar(&f.gateways, "gateway", nil, "IPv4 or IPv6 Gateway for the master subnet")
	fs.BoolVar(&f.internal, "internal", false, "Restrict external access to the network")
	fs.StringSliceVar(&f.ranges, "ip-range", nil, "Allocate container ip from a sub-range")
	fs.StringVar(&f.ipamDriver, "ipam-driver", "default", "IP Address Management Driver: default is the only one")
	fs.BoolVar(&f.ipv4, "ipv4", true, "Enable or disable IPv4 address assignment")
	fs.BoolVar(&f.ipv6, "ipv6", false, "Enable or disable IPv6 address assignment")
	fs.StringArrayVar(&f.labels, "label", nil, "Set metadata on a network")
	fs.StringArrayVarP(&f.options, "opt", "o", nil, "Set driver specific options")
	fs.StringSliceVar(&f.subnets, "subnet", nil, "Subnet in CIDR format that represents a network segment")
}

func oneNetwork(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usage("%q needs one NETWORK, got %d arguments", c.CommandPath(), len(args))
	}
	return nil
}

func (a *app) networkCreate(ctx context.Context, f networkCreateFlags, name string) error {
	want, err := f.network(name)
	if err != nil {
		return err
	}
	steps, err := a.networkKind().change(ctx, networkChange{
		title: "network create",
		decide: func(all []host.Network) networkSteps {
			for _, n := range all {
				if n.Name == name {
					return networkSteps{refused: fmt.Errorf("network with name %s already exists", name)}
				}
			}
			return networkSteps{create: []project.Network{want}}
		},
	})
	if err = errors.Join(err, steps.refused); err != nil || steps.empty() {
		return err
	}
	all, err := a.networks(ctx)
	if err != nil {
		return err
	}
	n, err := networkNamed(all, name)
	if err == nil {
		fmt.Fprintln(a.Out, n.ID)
	}
	return err
}

// network returns what the flags ask for.
func (f networkCreateFlags) network(name string) (project.Network, error) {
	o := loader.NetworkOptions{
		Name: name, Driver: f.driver, IPAMDriver: f.ipamDriver, Internal: f.internal, NoIPv4: !f.ipv4, IPv6: f.ipv6,
	}
	var err error
	if o.Options, err = keyValues("--opt", f.options); err != nil {
		return project.Network{}, err
	}
	if o.Labels, err = keyValues("--label", f.labels); err != nil {
		return project.Network{}, err
	}
	if o.Subnets, err = f.pools(); err != nil {
		return project.Network{}, err
	}
	n, err := loader.Network(o)
	return n, inFlags(err)
}

// keyValues reads KEY=VALUE and KEY; none is nil.
func keyValues(flag string, given []string) (map[string]string, error) {
	var out map[string]string
	for _, text := range given {
		key, value, _ := strings.Cut(text, "=")
		if key == "" {
			return nil, usage("invalid %s %q: KEY=VALUE", flag, text)
		}
		if out == nil {
			out = map[string]string{}
		}
		out[key] = value
	}
	return out, nil
}

// pools puts gateways, ranges and addresses to the subnets that they are of, as
// docker does. What is no address at all the rules of subnets find.
func (f networkCreateFlags) pools() ([]loader.SubnetOptions, error) {
	pools := make([]loader.SubnetOptions, len(f.subnets))
	for i, s := range f.subnets {
		pools[i].Subnet = s
	}
	for _, text := range f.ranges {
		p, err := poolOf(pools, "--ip-range", text, text)
		if err == nil && p.Range != "" {
			err = usage("--ip-range %s: the subnet %s has the range %s already", text, p.Subnet, p.Range)
		}
		if err != nil {
			return nil, err
		}
		p.Range = text
	}
	for _, text := range f.gateways {
		p, err := poolOf(pools, "--gateway", text, text)
		if err == nil && p.Gateway != "" {
			err = usage("--gateway %s: the subnet %s has the gateway %s already", text, p.Subnet, p.Gateway)
		}
		if err != nil {
			return nil, err
		}
		p.Gateway = text
	}
	return pools, f.reserve(pools)
}

// reserve puts the addresses that no container gets to their subnets.
func (f networkCreateFlags) reserve(pools []loader.SubnetOptions) error {
	named := map[string]bool{}
	for _, text := range f.reserved {
		name, address, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return usage("invalid --aux-address %q: NAME=ADDRESS", text)
		}
		if named[name] {
			return usage("--aux-address %s: there is an address of that name already", text)
		}
		named[name] = true
		p, err := poolOf(pools, "--aux-address", text, address)
		if err != nil {
			return err
		}
		if p.Reserved == nil {
			p.Reserved = map[string]string{}
		}
		p.Reserved[name] = address
	}
	return nil
}

// poolOf returns the entry whose subnet contains an address or the beginning of a
// range; the first, when it is neither.
func poolOf(pools []loader.SubnetOptions, flag, text, address string) (*loader.SubnetOptions, error) {
	if len(pools) == 0 {
		return nil, usage("%s %s: it needs a --subnet that it is of", flag, text)
	}
	address, _, _ = strings.Cut(address, "/")
	a, err := netip.ParseAddr(address)
	for i, p := range pools {
		subnet, serr := netip.ParsePrefix(p.Subnet)
		if err != nil || serr != nil || subnet.Contains(a) {
			return &pools[i], nil
		}
	}
	return nil, usage("%s %s: it is of no --subnet that is given", flag, text)
}

// inFlags says what is wrong with a network in terms of flags instead of a file.
func inFlags(err error) error {
	var ps loader.Problems
	if !errors.As(err, &ps) {
		return err
	}
	errs := make([]error, len(ps))
	words := strings.NewReplacer("enable_ipv6: true", "--ipv6", "enable_ipv4: false", "--ipv4=false", ", or set external: true", "")
	for i, p := range ps {
		text := words.Replace(p.Text)
		if where := flagOf(p.Path); where != "" {
			text = where + ": " + text
		}
		errs[i] = errors.New(text)
	}
	return errors.Join(errs...)
}

// flagOf returns the flag that sets an attribute of a network; empty: it is the
// argument.
func flagOf(path string) string {
	if option, ok := strings.CutPrefix(path, "driver_opts."); ok {
		return "--opt " + option
	}
	if path == "ipam.driver" {
		return "--ipam-driver"
	}
	if _, part, ok := strings.Cut(path, "]."); ok && strings.HasPrefix(path, "ipam.config[") {
		key, name, _ := strings.Cut(part, ".")
		return strings.TrimSpace("--" + map[string]string{
			"subnet": "subnet", "gateway": "gateway", "ip_range": "ip-range", "aux_addresses": "aux-address",
		}[key] + " " + name)
	}
	if strings.HasPrefix(path, "ipam.config") {
		return "--subnet"
	}
	return map[string]string{"driver": "--driver", "driver_opts": "--opt", "enable_ipv4": "--ipv4", "enable_ipv6": "--ipv6"}[path]
}
