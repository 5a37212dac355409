package volumes

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func known(_ context.Context, host string) (netip.Addr, error) {
	if host != "nas.example" {
		return netip.Addr{}, errors.New("no such host")
	}
	return netip.MustParseAddr("192.0.2.7"), nil
}

func TestWhatMountIsTold(t *testing.T) {
	for _, c := range []struct {
		kind, device, o string
		want            call
	}{
		{"none", "/srv", "bind", call{"/srv", "none", unix.MS_BIND, 0, ""}},
		{"none", "/srv", "rbind,ro,nosuid,rslave", call{"/srv", "none", unix.MS_BIND | unix.MS_REC | unix.MS_RDONLY | unix.MS_NOSUID, unix.MS_SLAVE | unix.MS_REC, ""}},
		{"none", "/srv", "bind,ro,rw", call{"/srv", "none", unix.MS_BIND, 0, ""}},
		{"tmpfs", "", "size=10m,uid=1000,noexec", call{"tmpfs", "tmpfs", unix.MS_NOEXEC, 0, "size=10m,uid=1000"}},
		{"tmpfs", "memory", "", call{"memory", "tmpfs", 0, 0, ""}},
		{"ext4", "/dev/sdb1", "defaults,noatime,data=journal", call{"/dev/sdb1", "ext4", unix.MS_NOATIME, 0, "data=journal"}},
		{"nfs", ":/export", "addr=nas.example,rw,nfsvers=4", call{":/export", "nfs", 0, 0, "addr=192.0.2.7,nfsvers=4"}},
		{"nfs4", ":/export", "addr=192.0.2.8", call{":/export", "nfs4", 0, 0, "addr=192.0.2.8"}},
		{"nfs", ":/export", "addr=fd00::1,soft", call{":/export", "nfs", 0, 0, "addr=fd00::1,soft"}},
		{"cifs", "//nas.example/share/a b", "username=me", call{"//192.0.2.7/share/a b", "cifs", 0, 0, "username=me"}},
		{"cifs", "//nas.example/share", "addr=nas.example,vers=3", call{"//nas.example/share", "cifs", 0, 0, "addr=192.0.2.7,vers=3"}},
		{"cifs", "//192.0.2.9/share", "", call{"//192.0.2.9/share", "cifs", 0, 0, ""}},
		{"ext4", "/dev/x", "addr=nas.example", call{"/dev/x", "ext4", 0, 0, "addr=nas.example"}},
	} {
		got, err := callOf(t.Context(), map[string]string{"type": c.kind, "device": c.device, "o": c.o}, known)
		if err != nil || got != c.want {
			t.Errorf("%s %s %s: %+v (%v), want %+v", c.kind, c.device, c.o, got, err, c.want)
		}
	}
}

func TestAServerThatIsNotKnownIsAnError(t *testing.T) {
	for kind, device := range map[string]string{"nfs": ":/export", "cifs": "//elsewhere/share"} {
		o := map[string]string{"nfs": "addr=elsewhere", "cifs": ""}[kind]
		_, err := callOf(t.Context(), map[string]string{"type": kind, "device": device, "o": o}, known)
		if err == nil || !strings.Contains(err.Error(), "looking up the server elsewhere") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestErrorsOfMountsSayWhatToLookAt(t *testing.T) {
	c, err := callOf(t.Context(), map[string]string{"type": "tmpfs", "device": "tmpfs", "o": "sze=1m"}, known)
	if err != nil {
		t.Fatal(err)
	}
	if text := c.explain(unix.EINVAL).Error(); !strings.HasPrefix(text, "mounting tmpfs (tmpfs) with sze=1m: invalid argument: ") || !strings.Contains(text, "one of these options") {
		t.Error(text)
	}
	c.data = ""
	if text := c.explain(unix.EINVAL).Error(); text != "mounting tmpfs (tmpfs): invalid argument" {
		t.Error(text)
	}
}

func TestErrorsOfMountsTellNoPasswords(t *testing.T) {
	c, err := callOf(t.Context(), map[string]string{"type": "cifs", "device": "//192.0.2.9/share", "o": "username=me,password=hush"}, known)
	if err != nil {
		t.Fatal(err)
	}
	text := c.explain(unix.EACCES).Error()
	if text != "mounting //192.0.2.9/share (cifs) with username=me,password=********: permission denied" {
		t.Error(text)
	}
}
