package endpoint_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/project"
)

func whole() endpoint.Endpoint {
	return endpoint.Endpoint{
		ID: "shop-web-1.k3x9", Name: "shop-web-1", Project: "shop", Service: "web",
		Netns: "/run/gocompose/netns/shop-web-1.k3x9",
		Interfaces: []endpoint.Interface{{
			Network: "shop_default", Name: "eth0", HostName: "gc0011223344-0",
			Address: netip.MustParsePrefix("172.24.0.2/22"), Gateway: netip.MustParseAddr("172.24.0.1"),
			MAC: "02:47:ac:18:00:02", Names: []string{"shop-web-1", "web"},
		}},
		Ports: []endpoint.Port{{
			Port: project.Port{Target: 80, Protocol: "tcp", HostIP: "127.0.0.1"}, HostPort: 32768,
		}},
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "endpoints")
	if err := endpoint.Write(dir, whole()); err != nil {
		t.Fatal(err)
	}
	got, err := endpoint.Read(dir, whole().ID)
	if err != nil || !reflect.DeepEqual(got, whole()) {
		t.Fatalf("read %+v (%v), want %+v", got, err, whole())
	}
}

func TestListIsSortedAndSkipsWhatIsNoRecord(t *testing.T) {
	dir := t.TempDir()
	for _, id := range []string{"b", "a-1", "c.x"} {
		if err := endpoint.Write(dir, endpoint.Endpoint{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, ".new-123"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	es, err := endpoint.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, e := range es {
		ids = append(ids, e.ID)
	}
	if want := []string{"a-1", "b", "c.x"}; !reflect.DeepEqual(ids, want) {
		t.Fatalf("listed %v, want %v", ids, want)
	}
}

func TestADamagedRecordHidesNoOther(t *testing.T) {
	dir := t.TempDir()
	for _, id := range []string{"a", "c"} {
		if err := endpoint.Write(dir, endpoint.Endpoint{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "b.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	es, err := endpoint.List(dir)
	if !errors.Is(err, endpoint.ErrDamaged) || !strings.Contains(err.Error(), "b.json") || len(es) != 2 || es[0].ID != "a" || es[1].ID != "c" {
		t.Errorf("listed %v (%v)", es, err)
	}
	if _, err := endpoint.Read(dir, "b"); !errors.Is(err, endpoint.ErrDamaged) {
		t.Errorf("read: %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "d.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	if es, err := endpoint.List(dir); err == nil || errors.Is(err, endpoint.ErrDamaged) || es != nil {
		t.Errorf("listed %v (%v), of what cannot be read now", es, err)
	}
	if _, err := endpoint.Read(dir, "../b"); err == nil || errors.Is(err, endpoint.ErrDamaged) {
		t.Errorf("read: %v", err)
	}
	if ids, err := endpoint.IDs(dir); err != nil || !slices.Equal(ids, []string{"a", "b", "c", "d"}) {
		t.Errorf("IDs %v (%v)", ids, err)
	}
}

func TestRemoveOfNothingIsFine(t *testing.T) {
	dir := t.TempDir()
	if err := endpoint.Write(dir, whole()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := endpoint.Remove(dir, whole().ID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := endpoint.Read(dir, whole().ID); !errors.Is(err, endpoint.ErrNotFound) {
		t.Fatalf("read a removed record: %v", err)
	}
	if es, err := endpoint.List(filepath.Join(dir, "no", "such")); err != nil || es != nil {
		t.Fatalf("listed %v (%v) where there is no folder", es, err)
	}
}

func TestAnIDIsNoPath(t *testing.T) {
	for _, id := range []string{"", "..", "../x", "a/b", "a..b", ".a", "a-"} {
		if err := endpoint.Write(t.TempDir(), endpoint.Endpoint{ID: id}); err == nil {
			t.Errorf("wrote a record for %q", id)
		}
	}
}

func TestAPortSaysTheHostPortItHasGot(t *testing.T) {
	if got := whole().Ports[0].String(); got != "127.0.0.1:32768->80/tcp" {
		t.Errorf("String() = %q", got)
	}
}
