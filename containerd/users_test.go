package containerd

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gocompose/gocompose/containerd/spec"
)

const (
	passwd = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:App:/srv:/bin/sh\n"
	group  = "root:x:0:root\nbin:x:1:root,daemon\nwheel:x:10:root\napp:x:1001:\nextra:x:50:app,other\n"
)

func rootWith(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestUsersAreFoundByDockersRules(t *testing.T) {
	root := rootWith(t, map[string]string{"etc/passwd": passwd, "etc/group": group})
	empty := t.TempDir()
	for _, tt := range []struct {
		name, root, asked string
		want              spec.User
		err               string
	}{
		{"nobody asked for: root with its groups", root, "", spec.User{Groups: []uint32{0, 1, 10}}, ""},
		{"by name", root, "app", spec.User{UID: 1000, GID: 1001, Groups: []uint32{50}}, ""},
		{"by number, listed", root, "1000", spec.User{UID: 1000, GID: 1001, Groups: []uint32{50}}, ""},
		{"by number, not listed", root, "4711", spec.User{UID: 4711}, ""},
		{"name and group", root, "app:wheel", spec.User{UID: 1000, GID: 10}, ""},
		{"name and gid", root, "app:7", spec.User{UID: 1000, GID: 7}, ""},
		{"uid and group", root, "5:extra", spec.User{UID: 5, GID: 50}, ""},
		{"no files, root", empty, "", spec.User{}, ""},
		{"no files, number", empty, "12", spec.User{UID: 12}, ""},
		{"unknown name", root, "ghost", spec.User{}, `user: the image has no user "ghost" in /etc/passwd`},
		{"unknown group", root, "app:ghosts", spec.User{}, `user: the image has no group "ghosts" in /etc/group`},
		{"no files, name", empty, "app", spec.User{}, `no user "app"`},
		{"too large", root, "4294967296", spec.User{}, "user"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := lookUpUser(tt.root, tt.asked)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNumericUsersNeedNoFiles(t *testing.T) {
	for asked, want := range map[string]bool{
		"1000:50": true, "0:0": true,
		"1000": false, "": false, "app:50": false, "50:app": false, "-1:0": false, "4294967296:0": false, "1:": false,
	} {
		if u, ok := numericUser(asked); ok != want || (ok && len(u.Groups) != 0) {
			t.Errorf("numericUser(%q) = %v, %t, want %t", asked, u, ok, want)
		}
	}
}

func TestUserFilesCannotLeadOutOfTheImage(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "passwd")
	if err := os.WriteFile(outside, []byte("app:x:666:666::/:/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	root := rootWith(t, map[string]string{"etc/group": group, "nix/passwd": passwd})
	link := filepath.Join(root, "etc/passwd")
	for _, target := range []string{outside, "../../../../../../../.." + outside} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		if u, err := lookUpUser(root, "app"); err == nil {
			t.Errorf("link to %s: found %v outside the image", target, u)
		}
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/nix/passwd", link); err != nil { // as the container sees it
		t.Fatal(err)
	}
	if u, err := lookUpUser(root, "app"); err != nil || u.UID != 1000 {
		t.Errorf("link within the image: %v, %v, want uid 1000", u, err)
	}
}

func TestAFifoForAUserFileDoesNotBlock(t *testing.T) {
	root := rootWith(t, map[string]string{"etc/group": group})
	if err := syscall.Mkfifo(filepath.Join(root, "etc/passwd"), 0o644); err != nil {
		t.Fatal(err)
	}
	if u, err := lookUpUser(root, "12"); err != nil || u.UID != 12 {
		t.Errorf("user %v, %v, want uid 12", u, err)
	}
}
