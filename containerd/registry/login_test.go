package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	remoteerrors "github.com/containerd/containerd/v2/core/remotes/errors"
)

func TestHostsHaveManyNames(t *testing.T) {
	for server, want := range map[string]string{
		"": Hub, "docker.io": Hub, "index.docker.io": Hub, "https://index.docker.io/v1/": Hub, "registry-1.docker.io": Hub,
		"reg.example": "reg.example", "https://reg.example:5000/v2/": "reg.example:5000", "http://[::1]:5000": "[::1]:5000",
	} {
		if got := Host(server); got != want {
			t.Errorf("%q is %q, want %q", server, got, want)
		}
	}
}

// withTokens is a registry that sends its clients to a server of tokens, as most of
// the public ones do.
func withTokens(t *testing.T, user, password string) string {
	t.Helper()
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/token":
			u, p, _ := r.BasicAuth()
			if r.Method == http.MethodPost {
				u, p = r.FormValue("username"), r.FormValue("password")
				if r.FormValue("grant_type") == "refresh_token" {
					u, p = "<token>", r.FormValue("refresh_token")
				}
			}
			if u != user || p != password {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			fmt.Fprint(w, `{"token":"t0ken","access_token":"t0ken"}`)
		case r.Header.Get("Authorization") != "Bearer t0ken":
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="test"`, s.URL))
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func TestLoginsAreCheckedWhereTokensAreGiven(t *testing.T) {
	home(t, "")
	host := withTokens(t, "ann", "pw")
	cfg := Config{CertsD: []string{}}
	if err := Check(t.Context(), cfg, host, Login{"ann", "pw"}); err != nil {
		t.Error(err)
	}
	err := Check(t.Context(), cfg, host, Login{"ann", "other"})
	var status remoteerrors.ErrUnexpectedStatus
	if !errors.As(err, &status) || status.StatusCode != http.StatusUnauthorized || strings.Contains(err.Error(), "other") {
		t.Errorf("a wrong password: %v", err)
	}
	host = withTokens(t, "<token>", "identity")
	if err := Check(t.Context(), cfg, host, Login{"", "identity"}); err != nil {
		t.Errorf("an identity token: %v", err)
	}
}

func TestAPasswordIsTriedOnce(t *testing.T) {
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer s.Close()
	err := Check(t.Context(), Config{CertsD: []string{}}, strings.TrimPrefix(s.URL, "http://"), Login{"ann", "pw"})
	if err == nil || asked != 2 { // without and with it: more could lock the user out
		t.Errorf("%v, asked %d times", err, asked)
	}
}

func TestWhatIsNoRegistryTakesNoLogin(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	err := Check(t.Context(), Config{CertsD: []string{}}, strings.TrimPrefix(s.URL, "http://"), Login{"ann", "pw"})
	var status remoteerrors.ErrUnexpectedStatus
	if !errors.As(err, &status) || status.StatusCode != http.StatusNotFound {
		t.Errorf("got %v", err)
	}
}

func TestKeptLoginsAreFoundAgain(t *testing.T) {
	home(t, `{"auths":{"reg.example":{"auth":"b2xkOm9sZA==","email":"x"}},"HttpHeaders":{"a":"b"},"big":12345678901234567890}`)
	for host, login := range map[string]Login{Hub: {"ann", "p:w"}, "reg.example": {"bob", "pw2"}, "token.example:5000": {"", "tok"}} {
		plain, err := Keep(t.Context(), host, login)
		if err != nil || plain != CredentialsFile() {
			t.Fatalf("%s: %q, %v", host, plain, err)
		}
		if kept, ok, err := Kept(t.Context(), host); err != nil || !ok || kept != login {
			t.Errorf("%s: %q %q, %t, %v", host, kept.User, kept.Secret, ok, err)
		}
	}
	data, err := os.ReadFile(CredentialsFile())
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"https://index.docker.io/v1/"`, `"HttpHeaders"`, "12345678901234567890"} {
		if !strings.Contains(string(data), part) {
			t.Errorf("%s is missing in\n%s", part, data)
		}
	}
	for _, host := range []string{Hub, "reg.example", "token.example:5000"} {
		if found, err := Forget(t.Context(), host); !found || err != nil {
			t.Errorf("forgetting %s: %t, %v", host, found, err)
		}
		if _, ok, err := Kept(t.Context(), host); ok || err != nil {
			t.Errorf("%s is still there (%v)", host, err)
		}
	}
}

func TestLoginsAtTheSameTimeAreAllKept(t *testing.T) {
	home(t, "")
	// The file may be a link to where the user keeps such things.
	real := filepath.Join(t.TempDir(), "real.json")
	write(t, real, `{"x":1}`)
	if err := os.Symlink(real, CredentialsFile()); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if _, err := Keep(t.Context(), fmt.Sprintf("reg%d.example", i), Login{"ann", "pw"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	data, err := os.ReadFile(real)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Auths map[string]any }
	if err := json.Unmarshal(data, &file); err != nil || len(file.Auths) != 20 {
		t.Errorf("%d logins, %v", len(file.Auths), err)
	}
	info, err := os.Lstat(CredentialsFile())
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(real); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
	left, err := os.ReadDir(filepath.Dir(real))
	if err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestALoginIsNotPrinted(t *testing.T) {
	for _, form := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(form, Login{"ann", "s3cret"}); strings.Contains(text, "s3cret") {
			t.Errorf("%s prints %s", form, text)
		}
	}
}

// A login by root, as with sudo, leaves the file to its owner; so does a logout. Where it is
// a link, what it leads to is meant.
func TestALoginKeepsTheOwnerOfTheFile(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	for _, link := range []bool{false, true} {
		home(t, `{"x":1}`)
		file := CredentialsFile()
		if link {
			real := filepath.Join(t.TempDir(), "real.json")
			if err := errors.Join(os.Rename(file, real), os.Symlink(real, file)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chown(file, 65534, 65533); err != nil { // it follows links
			t.Fatal(err)
		}
		look := func(when string) {
			t.Helper()
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			if is := info.Sys().(*syscall.Stat_t); is.Uid != 65534 || is.Gid != 65533 || info.Mode() != 0o600 {
				t.Errorf("link %v, %s: of %d:%d, %v", link, when, is.Uid, is.Gid, info.Mode())
			}
		}
		if _, err := Keep(t.Context(), "reg.example", Login{"ann", "pw"}); err != nil {
			t.Fatal(err)
		}
		look("after a login")
		if found, err := Forget(t.Context(), "reg.example"); !found || err != nil {
			t.Fatal(found, err)
		}
		look("after a logout")
	}
	// A new one is of who logs in.
	home(t, "")
	_ = os.Remove(CredentialsFile()) // home may have made none
	if _, err := Keep(t.Context(), "reg.example", Login{"ann", "pw"}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(CredentialsFile()); err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestNothingIsGivenAwayThroughALink(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	dir := t.TempDir()
	mine, theirs, link := filepath.Join(dir, "mine"), filepath.Join(dir, "theirs"), filepath.Join(dir, "config.json")
	for _, err := range []error{
		os.WriteFile(mine, nil, 0o600), os.WriteFile(theirs, nil, 0o600), os.Chown(theirs, 65534, 65534), os.Symlink(mine, link),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.Stat(theirs)
	if err != nil {
		t.Fatal(err)
	}
	if err := giveBack(link, before); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]uint32{mine: 0, link: 65534} {
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Sys().(*syscall.Stat_t).Uid; got != want {
			t.Errorf("%s is of user %d, want %d", path, got, want)
		}
	}
}
