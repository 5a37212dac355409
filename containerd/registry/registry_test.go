package registry

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
)

// home gives the test a configuration of Docker's.
func home(t *testing.T, config string) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CONFIG_HOME", dir)
	t.Setenv("XDG_RUNTIME_DIR", dir)
	t.Setenv("REGISTRY_AUTH_FILE", "")
	t.Setenv("DOCKER_CONFIG", dir)
	if config != "" {
		write(t, filepath.Join(dir, "config.json"), config)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestCredentialsComeFromDockersFile(t *testing.T) {
	auth := base64.StdEncoding.EncodeToString([]byte("ann:pw"))
	home(t, fmt.Sprintf(`{"auths":{
		"https://index.docker.io/v1/":{"auth":%q},
		"reg.example:5000":{"username":"bob","password":"pw2"},
		"token.example":{"identitytoken":"tok"}}}`, auth))
	get := credentials(t.Context())
	for host, want := range map[string][2]string{
		"registry-1.docker.io": {"ann", "pw"},
		"reg.example:5000":     {"bob", "pw2"},
		"token.example":        {"", "tok"},
		"other.example":        {"", ""},
	} {
		user, secret, err := get(host)
		if err != nil || user != want[0] || secret != want[1] {
			t.Errorf("%s: %q %q %v, want %q", host, user, secret, err, want)
		}
	}
}

func TestCredentialsComeFromHelpers(t *testing.T) {
	home(t, `{"credsStore":"all","credHelpers":{"one.example":"one","bad.example":"bad"}}`)
	bin := t.TempDir()
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	for _, name := range []string{"all", "one"} {
		write(t, filepath.Join(bin, "docker-credential-"+name), fmt.Sprintf(`#!/bin/sh
read host
case "$1 $host" in
"get one.example"|"get reg.example") echo '{"ServerURL":"x","Username":"%[1]s","Secret":"pw"}';;
*) echo "credentials not found in native keychain"; exit 1;;
esac
`, name))
	}
	write(t, filepath.Join(bin, "docker-credential-bad"), "#!/bin/sh\necho no luck\nexit 1\n")
	get := credentials(t.Context())
	for host, want := range map[string]string{"one.example": "one", "reg.example": "all", "none.example": ""} {
		user, _, err := get(host)
		if err != nil || user != want {
			t.Errorf("%s: %q, %v, want %q", host, user, err, want)
		}
	}
	_, _, err := get("bad.example")
	var bad *CredentialsError
	if !errors.As(err, &bad) || !strings.Contains(err.Error(), CredentialsFile()) || !strings.Contains(err.Error(), "no luck") {
		t.Errorf("a helper that fails: %v", err)
	}
}

func TestBadCredentialsDoNotTellSecrets(t *testing.T) {
	const secret = "vErySeCrEt"
	encoded := base64.StdEncoding.EncodeToString([]byte(secret)) // no user name in it
	for _, config := range []string{
		fmt.Sprintf(`{"auths":{"reg.example":{"auth":%q}}}`, encoded),
		fmt.Sprintf(`{"auths":{"reg.example":{"auth":"%s*"}}}`, encoded),
		fmt.Sprintf(`{"auths":{"reg.example":{"password":%q`, secret),
		fmt.Sprintf(`{"auths":{"reg.example":{"registrytoken":%q}}}`, secret),
	} {
		home(t, config)
		_, _, err := credentials(t.Context())("reg.example")
		var bad *CredentialsError
		if !errors.As(err, &bad) {
			t.Errorf("%s: got %v", config, err)
			continue
		}
		for _, s := range []string{secret, encoded} {
			if strings.Contains(err.Error(), s) {
				t.Errorf("%q tells the secret", err)
			}
		}
	}
}

func TestCredentialsFileIsWhereDockerHasIt(t *testing.T) {
	t.Setenv("HOME", "/h")
	t.Setenv("DOCKER_CONFIG", "")
	if got := CredentialsFile(); got != "/h/.docker/config.json" {
		t.Error(got)
	}
	t.Setenv("DOCKER_CONFIG", "/d")
	if got := CredentialsFile(); got != "/d/config.json" {
		t.Error(got)
	}
}

func TestFoldersOfHostsAreTriedInOrder(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	write(t, filepath.Join(b, "both.example", "hosts.toml"), "")
	write(t, filepath.Join(a, "both.example", "hosts.toml"), "")
	write(t, filepath.Join(b, "second.example_5000_", "ca.crt"), "")
	find := hostDir([]string{a, filepath.Join(a, "none"), b})
	for host, want := range map[string]string{
		"both.example":        filepath.Join(a, "both.example"),
		"second.example:5000": filepath.Join(b, "second.example_5000_"),
	} {
		if got, err := find(host); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", host, got, err, want)
		}
	}
	if got, err := find("none.example"); !errdefs.IsNotFound(err) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestTheEnvironmentReplacesTheFolders(t *testing.T) {
	t.Setenv(CertsDEnv, "/a:/b")
	if got := (Config{}).HostDir("x"); got != "/a/x" {
		t.Error(got)
	}
	if got := FromEnv().CertsD; len(got) != 2 || got[1] != "/b" {
		t.Error(got)
	}
	os.Unsetenv(CertsDEnv)
	if got := (Config{}).HostDir("x"); got != "/etc/gocompose/certs.d/x" {
		t.Error(got)
	}
}

func TestWrongHostsFilesAreErrors(t *testing.T) {
	for text, want := range map[string]string{
		"server = ":        "hosts.toml:1:",
		"capabilities = 3": "hosts.toml:1:",
		"[host.\"https://m\"]\ncapabilities = [\"pul\"]": `"pul"`,
		"capabilities = [\"fly\"]":                       `"fly"`,
	} {
		root := t.TempDir()
		write(t, filepath.Join(root, "reg.example", "hosts.toml"), text)
		_, err := hostDir([]string{root})("reg.example")
		var bad *HostsError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	root := t.TempDir()
	write(t, filepath.Join(root, "reg.example", "hosts.toml"),
		"server = \"https://reg.example\"\n[host.\"https://mirror\"]\ncapabilities = [\"pull\", \"resolve\"]\nskip_verify = true\n[host.\"https://mirror\".header]\nx = \"y\"\n")
	if _, err := hostDir([]string{root})("reg.example"); err != nil {
		t.Error(err)
	}
}

func stallClient(limit time.Duration) *http.Client {
	return &http.Client{Transport: impatient(http.DefaultTransport.(*http.Transport).Clone(), limit)}
}

func TestSilenceEndsARequest(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			w.Header().Set("Content-Length", "10")
			fmt.Fprint(w, "half")
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	}))
	defer s.Close()
	// Each has a client of its own: who was silent has less time the next time.
	get := func(path string) (*http.Response, error) {
		return stallClient(200 * time.Millisecond).Get(s.URL + path)
	}
	var stall *StallError
	resp, err := get("/headers")
	if err == nil {
		resp.Body.Close()
	}
	if !errors.As(err, &stall) || stall.Host != strings.TrimPrefix(s.URL, "http://") {
		t.Errorf("no headers: %v", err)
	}
	resp, err = get("/body")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if !errors.As(err, &stall) || string(data) != "half" {
		t.Errorf("half a body: %q, %v", data, err)
	}
}

// A mirror that is silent must not cost the limit with each blob.
func TestWhoWasSilentHasLessTimeTheNextTime(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer s.Close()
	c := stallClient(200 * time.Millisecond)
	for i, want := range []time.Duration{200, 20, 20} {
		resp, err := c.Get(s.URL)
		if err == nil {
			resp.Body.Close()
		}
		var stall *StallError
		if !errors.As(err, &stall) || stall.After != want*time.Millisecond {
			t.Errorf("request %d: %v, want %dms", i, err, want)
		}
	}
}

func TestASlowReaderIsNoSilence(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "all") }))
	defer s.Close()
	limit := 100 * time.Millisecond
	resp, err := stallClient(limit).Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	<-time.After(3 * limit) // the wait is what is tested
	data, err := io.ReadAll(resp.Body)
	if err != nil || string(data) != "all" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestAnUploadIsNoSilence(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/silent" {
			<-r.Context().Done()
		}
		fmt.Fprint(w, n)
	}))
	defer s.Close()
	limit := 60 * time.Millisecond
	post := func(path string) (string, error) {
		resp, err := stallClient(limit).Post(s.URL+path, "text/plain", &slowReader{left: 6, wait: limit / 3})
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		return string(text), err
	}
	if got, err := post("/"); err != nil || got != "6" {
		t.Errorf("%q, %v", got, err)
	}
	var stall *StallError
	if _, err := post("/silent"); !errors.As(err, &stall) {
		t.Errorf("silent afterwards: %v", err)
	}
}

// slowReader gives a byte at a time, each after a wait, which is what is tested.
type slowReader struct {
	left int
	wait time.Duration
}

func (s *slowReader) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	<-time.After(s.wait)
	s.left--
	p[0] = 'x'
	return 1, nil
}

func TestACancelledRequestIsNoSilence(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := stallClient(time.Minute).Do(req)
	if err == nil {
		resp.Body.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
