package networks

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/project"
)

func openTemp(t *testing.T) *Networks {
	t.Helper()
	dir := t.TempDir()
	n, err := Open(paths.Paths{Root: filepath.Join(dir, "root"), State: filepath.Join(dir, "state")})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRecordsAreReadBackSorted(t *testing.T) {
	n := openTemp(t)
	var want []Record
	for _, name := range []string{"blog_default", "shop_back", "shop_default"} {
		want = append(want, Record{
			Network: project.Network{Name: name, Key: "default", Labels: map[string]string{"a": "b"}},
			Pools:   onSubnet("172.24.0.0/22").Pools, Link: n.bridgeName(name), CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
		})
	}
	for i := range want {
		if err := n.write(want[len(want)-1-i]); err != nil {
			t.Fatal(err)
		}
	}
	got, err := n.List(context.Background())
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("List() = %+v, %v, want %+v", got, err, want)
	}
	one, ok, err := n.Get(context.Background(), "shop_back")
	if err != nil || !ok || !reflect.DeepEqual(one, want[1]) {
		t.Errorf("Get() = %+v, %v, %v", one, ok, err)
	}
	if _, ok, err := n.Get(context.Background(), "nothing"); ok || err != nil {
		t.Errorf("Get() of nothing = %v, %v", ok, err)
	}
}

func TestWithoutAnyNetworkThereIsNothing(t *testing.T) {
	n := openTemp(t)
	if got, err := n.List(context.Background()); err != nil || len(got) > 0 {
		t.Errorf("List() = %v, %v", got, err)
	}
	if _, err := os.Stat(n.paths.Root); !errors.Is(err, os.ErrNotExist) {
		t.Error("looking made a folder")
	}
}

func TestANameOfANetworkIsNoPath(t *testing.T) {
	n := openTemp(t)
	for _, name := range []string{"", "..", "../etc", "a/b", ".hidden", "a b"} {
		if _, _, err := n.Get(context.Background(), name); err == nil {
			t.Errorf("Get(%q) is no error", name)
		}
	}
}

func TestABrokenRecordNamesTheFile(t *testing.T) {
	n := openTemp(t)
	if err := os.MkdirAll(n.paths.Networks(), 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(n.paths.Networks(), "shop.json")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := n.Get(context.Background(), "shop")
	if err == nil || err.Error() != "reading the record "+path+": unexpected end of JSON input" {
		t.Errorf("Get() = %v", err)
	}
}

func TestNamesInTheKernelBelongToTheLayout(t *testing.T) {
	a, b := openTemp(t), openTemp(t)
	for what, names := range map[string][2]string{
		"bridge": {a.bridgeName("shop_default"), b.bridgeName("shop_default")},
		"link":   {a.hostLinkName("shop-web-1.abc", 99), b.hostLinkName("shop-web-1.abc", 99)},
		"table":  {a.rules.Name(), b.rules.Name()},
	} {
		if names[0] == names[1] {
			t.Errorf("two layouts share the %s %s", what, names[0])
		}
		if what != "table" && len(names[0]) > 15 {
			t.Errorf("the name of the %s, %s, is too long for a link", what, names[0])
		}
	}
	if got := tableName(paths.Paths{State: paths.DefaultState}); got != "gocompose" {
		t.Errorf("the default layout's table is %s", got)
	}
}
