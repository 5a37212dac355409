package loader

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/project"
)

func TestANetworkWithoutAFileIsWhatItsOptionsSay(t *testing.T) {
	got, err := Network(NetworkOptions{
		Name: "backbone", IPAMDriver: "default", IPv6: true, Internal: true,
		Labels:  map[string]string{"tier": "back"},
		Options: map[string]string{driverMTU: "1400"},
		Subnets: []SubnetOptions{{
			Subnet: "10.20.0.7/24", Gateway: "10.20.0.254", Range: "10.20.0.128/25", Reserved: map[string]string{"nas": "10.20.0.9"},
		}},
	})
	want := project.Network{
		Name: "backbone", Driver: project.DriverBridge, IPv6: true, Internal: true,
		Labels:  map[string]string{"tier": "back"},
		Options: map[string]string{driverMTU: "1400"},
		Subnets: []project.Subnet{{
			Subnet: netip.MustParsePrefix("10.20.0.0/24"), Gateway: netip.MustParseAddr("10.20.0.254"),
			Range: netip.MustParsePrefix("10.20.0.128/25"), Reserved: map[string]netip.Addr{"nas": netip.MustParseAddr("10.20.0.9")},
		}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func TestANetworkWithoutAFileIsHeldToTheRulesOfFiles(t *testing.T) {
	for want, o := range map[string]NetworkOptions{
		"name: \"a/b\" is not a name":                       {Name: "a/b"},
		"name: \"bridge\" is a network that every host has": {Name: "bridge"},
		"driver: not supported yet: only bridge, macvlan":   {Name: "a", Driver: "overlay"},
		"driver: host makes no network":                     {Name: "a", Driver: "host"},
		"ipam.driver: not supported yet: only default is":   {Name: "a", IPAMDriver: "dhcp"},
		"driver_opts.colour: not supported yet":             {Name: "a", Options: map[string]string{"colour": "red"}},
		"ipam.config[0].gateway: 10.30.0.1 is not within": {Name: "a", Subnets: []SubnetOptions{
			{Subnet: "10.20.0.0/24", Gateway: "10.30.0.1"},
		}},
		"enable_ipv4: leaves the network without addresses": {Name: "a", NoIPv4: true},
	} {
		_, err := Network(o)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", o, err, want)
		}
	}
}
