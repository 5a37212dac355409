//go:build live

package nft

import (
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// everything has each thing that rules can have.
func everything() Rules {
	return Rules{
		Networks: []Network{
			{
				Bridge: "shop", Subnets: prefixes("172.24.0.0/22", "fd24::/64"), Masquerade: prefixes("172.24.0.0/22", "fd24::/64"),
				Source: netip.MustParseAddr("192.0.2.7"),
			},
			{Bridge: "inside", Subnets: prefixes("172.25.0.0/24", "172.26.0.5/32"), Internal: true},
			{Bridge: "apart", Subnets: prefixes("172.27.0.0/24"), Masquerade: prefixes("172.27.0.0/25"), Isolated: true},
		},
		Mappings: []Mapping{
			mapping(unix.IPPROTO_TCP, "0.0.0.0:8080", "172.24.0.2:80"),
			mapping(unix.IPPROTO_UDP, "127.0.0.1:5353", "172.24.0.2:53"),
			mapping(unix.IPPROTO_SCTP, "0.0.0.0:36412", "172.24.0.2:36412"),
			mapping(unix.IPPROTO_TCP, "0.0.0.0:80", "172.24.0.3:80", "172.24.0.4:80", "172.24.0.5:8080"),
			mapping(unix.IPPROTO_UDP, "192.0.2.7:53", "172.24.0.3:53", "172.24.0.4:53"),
			mapping(unix.IPPROTO_TCP, "[::]:8080", "[fd24::2]:80"),
			mapping(unix.IPPROTO_TCP, "[fd00::7]:443", "[fd24::2]:443"),
			mapping(unix.IPPROTO_TCP, "[::]:80", "[fd24::3]:80", "[fd24::4]:80"),
			mapping(unix.IPPROTO_UDP, "[fd00::7]:53", "[fd24::3]:53", "[fd24::4]:53"),
		},
		Closed: []string{"eth0", "wlan0"}, Closed6: []string{"eth0"},
		Engines: []string{"docker0", "br-0123456789ab"},
	}
}

func TestRulesetAsNftShowsIt(t *testing.T) {
	b := newBed(t)
	must(t, b.table.Replace(everything()))
	got := b.list()
	path := filepath.Join("testdata", "ruleset.nft")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		must(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if !slices.Equal(blocks(got), blocks(string(want))) {
		t.Errorf("the ruleset is:\n%s\nwant:\n%s", got, want)
	}
}

// list returns the table as nft shows it.
func (b *bed) list() string {
	b.t.Helper()
	nft, err := exec.LookPath("nft")
	if err != nil {
		b.t.Skip("no nft to show it")
	}
	out, err := exec.Command(nft, "list", "table", "inet", b.table.Name()).Output()
	must(b.t, err)
	return strings.ReplaceAll(string(out), b.table.Name(), "TABLE")
}

// blocks splits it into sets and chains, without the order of elements, which is
// any.
func blocks(s string) []string {
	list := regexp.MustCompile(`(?s)elements = \{(.*?)\}`)
	s = list.ReplaceAllStringFunc(s, func(es string) string {
		parts := strings.Split(strings.Trim(es, "elmnts= {}"), ",")
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		slices.Sort(parts)
		return strings.Join(parts, "\n")
	})
	return slices.Sorted(slices.Values(strings.Split(s, "\n\n")))
}

func TestWhatIsPublishedComesBackFromTheKernel(t *testing.T) {
	b := newBed(t)
	rapid.Check(t, func(r *rapid.T) {
		rules := everything()
		rules.Mappings = someMappings(r)
		must(t, b.table.Replace(rules))
		b.holds(rules)
		have, err := b.table.Published()
		must(t, err)
		// Some stay as they are, some change, some go, some come.
		rules.Mappings = changed(r, have)
		drop := slices.DeleteFunc(have, func(m Mapping) bool {
			return slices.ContainsFunc(rules.Mappings, m.Equal) && rapid.Bool().Draw(r, "left alone")
		})
		add := slices.DeleteFunc(slices.Clone(rules.Mappings), func(m Mapping) bool {
			return slices.ContainsFunc(must2(b.table.Published())(t), m.Equal) && !slices.ContainsFunc(drop, m.Equal)
		})
		must(t, b.table.Change(drop, add))
		b.holds(rules)
	})
}

func TestReplacingATableThatIsSoundChangesOnlyElements(t *testing.T) {
	b := newBed(t)
	must(t, b.table.Replace(everything()))
	is := b.handle()
	rapid.Check(t, func(r *rapid.T) {
		rules := everything()
		goes := func() bool { return rapid.IntRange(0, 2).Draw(r, "goes") == 0 }
		rules.Networks = slices.DeleteFunc(rules.Networks, func(Network) bool { return goes() })
		rules.Closed = slices.DeleteFunc(rules.Closed, func(string) bool { return goes() })
		rules.Engines = slices.DeleteFunc(rules.Engines, func(string) bool { return goes() })
		for i := range rules.Networks {
			n := &rules.Networks[i]
			n.Internal, n.Isolated = goes(), goes()
			n.Subnets = slices.DeleteFunc(n.Subnets, func(netip.Prefix) bool { return goes() })
		}
		rules.Mappings = someMappings(r)
		must(t, b.table.Replace(rules))
		b.holds(rules)
	})
	if now := b.handle(); now != is {
		t.Errorf("the table is another one: %s, it was %s", now, is)
	}
}

// handle is the kernel's number of the table.
func (b *bed) handle() string {
	b.t.Helper()
	out, err := exec.Command("nft", "-a", "list", "table", "inet", b.table.Name()).Output()
	must(b.t, err)
	first, _, _ := strings.Cut(string(out), "\n")
	return first
}

// holds checks that the table is what the rules say.
func (b *bed) holds(r Rules) {
	b.t.Helper()
	has := must2(b.table.Published())(b.t)
	if want := sorted(r.Mappings); !slices.EqualFunc(has, want, Mapping.Equal) {
		b.t.Fatalf("published are %v, want %v", has, want)
	}
	if !must2(b.table.Intact(r))(b.t) {
		has := must2(b.table.found())(b.t)
		gone, come := difference(has.entries(), has.sets.entries(r))
		b.t.Fatalf("it is not intact (sound: %v, too much: %v, missing: %v):\n%s", has.sound, gone, come, b.list())
	}
}

func must2[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		must(t, err)
		return value
	}
}

func TestATableThatOthersChangedIsNotIntact(t *testing.T) {
	b := newBed(t)
	for _, change := range []string{
		"delete table inet TABLE",
		"add table inet TABLE { flags dormant; }",
		"flush ruleset",
		"flush chain inet TABLE forward",
		"flush chain inet TABLE tcp-80",
		"add rule inet TABLE forward accept",
		"add chain inet TABLE mine",
		"add set inet TABLE mine { type ipv4_addr; }",
		"flush set inet TABLE closed",
		"flush map inet TABLE ports",
		"flush map inet TABLE slots6",
		"add element inet TABLE bridges { eth0 }",
		"add element inet TABLE ports { tcp . 1 : 10.0.0.1 . 1 }",
		"delete element inet TABLE members { shop . 172.24.0.0-172.24.3.255 }",
		"delete element inet TABLE ports { tcp . 8080 }; add element inet TABLE ports { tcp . 8080 : 172.24.0.9 . 80 }",
		"delete element inet TABLE balanced { tcp . 80 }",
	} {
		must(t, b.table.Replace(everything()))
		if !must2(b.table.Intact(everything()))(t) {
			t.Fatalf("a new table is not intact:\n%s", b.list())
		}
		out, err := exec.Command("nft", strings.ReplaceAll(change, "TABLE", b.table.Name())).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", change, err, out)
		}
		if must2(b.table.Intact(everything()))(t) {
			t.Errorf("still intact after: %s", change)
		}
		must(t, b.table.Replace(everything()))
		b.holds(everything())
	}
}

func TestATableThatIsNotThereIsSaidNotToBeThere(t *testing.T) {
	b := newBed(t)
	if _, err := b.table.Published(); !errors.Is(err, ErrNoTable) {
		t.Errorf("published: %v", err)
	}
	if is, err := b.table.Holds("shop"); is || err != nil {
		t.Errorf("holds a bridge: %v, %v", is, err)
	}
	if is, err := b.table.Intact(Rules{}); is || err != nil {
		t.Errorf("intact: %v, %v", is, err)
	}
	must(t, b.table.Replace(everything()))
	for bridge, want := range map[string]bool{"shop": true, "apart": true, "sho": false, "eth0": false} {
		if is, err := b.table.Holds(bridge); is != want || err != nil {
			t.Errorf("holds the bridge %s: %v, %v", bridge, is, err)
		}
	}
}

func TestAFailedChangeChangesNothing(t *testing.T) {
	b := newBed(t)
	r := everything()
	must(t, b.table.Replace(r))
	other := mapping(unix.IPPROTO_TCP, "0.0.0.0:1", "172.24.0.9:1", "172.24.0.9:2")
	if err := b.table.Change([]Mapping{r.Mappings[0], other}, nil); !errors.Is(err, unix.ENOENT) {
		t.Errorf("what is not there goes: %v", err)
	}
	b.holds(r)
}
