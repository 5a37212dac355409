package host

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/project"
)

func onTwoNetworks() endpoint.Endpoint {
	place := func(address, gateway string) endpoint.Interface {
		return endpoint.Interface{Address: netip.MustParsePrefix(address), Gateway: netip.MustParseAddr(gateway)}
	}
	return endpoint.Endpoint{Interfaces: []endpoint.Interface{
		place("172.24.0.2/22", "172.24.0.1"), place("172.24.4.9/22", "172.24.4.1"),
	}}
}

func TestHostsNamesLocalhostTheExtraHostsAndTheContainer(t *testing.T) {
	got := string(hosts("web", []string{"db=10.0.0.7", "me=host-gateway", "six=2001:db8::1"}, onTwoNetworks()))
	if !strings.HasPrefix(got, "127.0.0.1\tlocalhost\n::1\tlocalhost ") {
		t.Errorf("localhost is not first:\n%s", got)
	}
	want := "10.0.0.7\tdb\n172.24.0.1\tme\n2001:db8::1\tsix\n172.24.0.2\tweb\n172.24.4.9\tweb\n"
	if !strings.HasSuffix(got, want) {
		t.Errorf("got:\n%s\nwant at its end:\n%s", got, want)
	}
}

func TestHostsWithoutANetworkHasNoGateway(t *testing.T) {
	got := string(hosts("web", []string{"me=host-gateway", "db=10.0.0.7"}, endpoint.Endpoint{}))
	if strings.Contains(got, "me") || !strings.HasSuffix(got, "10.0.0.7\tdb\n") {
		t.Errorf("got:\n%s", got)
	}
}

func TestResolvConfAsksTheSupervisorAndKeepsSearchDomains(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resolv.conf")
	for text, want := range map[string]string{
		"": "nameserver 127.0.0.11\noptions ndots:0\n",
		"# none\nnameserver 10.0.0.1\nsearch corp.example  example\noptions ndots:5\n": "nameserver 127.0.0.11\n" +
			"search corp.example example\noptions ndots:0\n",
		"search\nnameserver 10.0.0.1": "nameserver 127.0.0.11\noptions ndots:0\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := resolvConf(file); err != nil || string(got) != want {
			t.Errorf("of %q: %q %v, want %q", text, got, err, want)
		}
	}
}

func TestAHostWithoutResolvConfHasContainersWithOne(t *testing.T) {
	got, err := resolvConf(filepath.Join(t.TempDir(), "none"))
	if err != nil || string(got) != "nameserver 127.0.0.11\noptions ndots:0\n" {
		t.Errorf("%q %v", got, err)
	}
}

// A mount stays with the file that it was made from.
func TestBoundFilesAreWrittenInPlace(t *testing.T) {
	dir := t.TempDir()
	c := project.Container{Hostname: "shop"}
	if err := writeFiles(dir, c, "shop-web-1.n1", endpoint.Endpoint{}); err != nil {
		t.Fatal(err)
	}
	before := map[string]os.FileInfo{}
	for _, path := range files(dir) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		before[path] = info
	}
	if err := writeFiles(dir, c, "shop-web-1.n1", onTwoNetworks()); err != nil {
		t.Fatal(err)
	}
	for path, was := range before {
		if info, err := os.Stat(path); err != nil || !os.SameFile(was, info) || info.Mode().Perm() != 0o644 {
			t.Errorf("%s: another file, or not to be read: %v", path, err)
		}
	}
	if got, _ := os.ReadFile(files(dir)["/etc/hostname"]); string(got) != "shop\n" {
		t.Errorf("hostname is %q", got)
	}
	if got, _ := os.ReadFile(files(dir)["/etc/hosts"]); !strings.Contains(string(got), "172.24.4.9\tshop\n") {
		t.Errorf("hosts is not of the second time:\n%s", got)
	}
}
