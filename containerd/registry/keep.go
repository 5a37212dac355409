package registry

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/gocompose/gocompose/internal/atomicfile"
	"github.com/gocompose/gocompose/internal/flock"
)

// Keep writes a login down for later, where Docker has its own: in the hands of the
// helper that its file names for the host, or else in that file. It returns the
// file if the secret can be read there.
func Keep(ctx context.Context, host string, login Login) (plain string, err error) {
	err = changeCredentials(ctx, func(f *credentialsFile) error {
		key := Key(host)
		helper := f.helper(key)
		if helper == "" {
			plain = f.path
			return f.put(key, login)
		}
		user := login.User
		if user == "" {
			user = tokenUser
		}
		what, err := json.Marshal(struct{ ServerURL, Username, Secret string }{key, user, login.Secret})
		if err != nil {
			return err
		}
		if err := runHelper(ctx, helper, "store", what); err != nil {
			return err
		}
		return f.put(key, Login{})
	})
	return plain, err
}

// Forget takes away the login for a host that Keep or Docker has written down. That
// there is none is no error.
func Forget(ctx context.Context, host string) (found bool, err error) {
	err = changeCredentials(ctx, func(f *credentialsFile) error {
		key := Key(host)
		keys := []string{key}
		if key == host {
			keys = append(keys, "https://"+host, "http://"+host)
		}
		for _, k := range keys {
			found = f.drop(k) || found
		}
		if helper := f.helper(key); helper != "" {
			err := runHelper(ctx, helper, "erase", []byte(key))
			// Helpers differ in whether it is an error that there is nothing.
			var unknown *unknownToHelper
			switch {
			case errors.As(err, &unknown):
			case err != nil:
				return err
			default:
				found = true
			}
		}
		return nil
	})
	return found, err
}

// Kept returns the login that is written down for a host, if there is one.
func Kept(ctx context.Context, host string) (Login, bool, error) {
	user, secret, err := credentials(ctx)(host)
	return Login{user, secret}, err == nil && secret != "", err
}

// tokenUser stands for the user where the secret is an identity token.
const tokenUser = "<token>"

// credentialsFile is Docker's file, of which what is not about logins stays as it is.
type credentialsFile struct {
	path   string
	fields map[string]json.RawMessage
	auths  map[string]json.RawMessage
}

// changeCredentials reads the file, has it changed and writes it, while nobody else
// does so.
func changeCredentials(ctx context.Context, change func(*credentialsFile) error) error {
	path := CredentialsFile()
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // the link stays
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	lock, err := flock.Acquire(ctx, filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("waiting for others who change %s: %w", path, err)
	}
	defer lock.Unlock()
	f, err := readCredentials(path)
	if err != nil {
		return err
	}
	before := f.text()
	if err := change(f); err != nil {
		return err
	}
	if after := f.text(); !bytes.Equal(before, after) {
		return f.write(after)
	}
	return nil
}

func readCredentials(path string) (*credentialsFile, error) {
	f := &credentialsFile{path: path, fields: map[string]json.RawMessage{}, auths: map[string]json.RawMessage{}}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(bytes.TrimSpace(data)) == 0 {
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	// The decoder's own errors may have a part of a secret in them.
	if json.Unmarshal(data, &f.fields) != nil || f.fields == nil {
		return nil, fmt.Errorf("%s is no JSON object: mend it, or move it away", path)
	}
	if auths, ok := f.fields["auths"]; ok && json.Unmarshal(auths, &f.auths) != nil {
		return nil, fmt.Errorf("%s: auths is no JSON object: mend it, or move the file away", path)
	}
	if f.auths == nil {
		f.auths = map[string]json.RawMessage{}
	}
	return f, nil
}

// helper names the program that keeps the login of that key; empty: the file does.
func (f *credentialsFile) helper(key string) string {
	var helpers map[string]string
	var store string
	_ = json.Unmarshal(f.fields["credHelpers"], &helpers) // reading logins tells what is wrong
	_ = json.Unmarshal(f.fields["credsStore"], &store)
	if h, ok := helpers[key]; ok {
		return h
	}
	return store
}

// put notes a login, or with the zero value only that there is one.
func (f *credentialsFile) put(key string, login Login) error {
	entry := map[string]string{}
	switch {
	case login.User != "":
		entry["auth"] = base64.StdEncoding.EncodeToString([]byte(login.User + ":" + login.Secret))
	case login.Secret != "":
		entry["auth"] = base64.StdEncoding.EncodeToString([]byte(tokenUser + ":"))
		entry["identitytoken"] = login.Secret
	}
	data, err := json.Marshal(entry)
	f.auths[key] = data
	return err
}

func (f *credentialsFile) drop(key string) bool {
	_, found := f.auths[key]
	delete(f.auths, key)
	return found
}

// text is what the file is to say, indented like Docker's.
func (f *credentialsFile) text() []byte {
	fields := map[string]any{}
	for name, value := range f.fields {
		fields[name] = value
	}
	if _, there := f.fields["auths"]; there || len(f.auths) > 0 {
		fields["auths"] = f.auths
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "\t")
	_ = e.Encode(fields) // all of it was JSON before
	return b.Bytes()
}

// write replaces the file, which nobody but its owner may read. Who that is stays, also
// when root writes it.
func (f *credentialsFile) write(text []byte) error {
	before, err := os.Stat(f.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // whose it is could not be kept
	}
	if err := atomicfile.WriteDurable(f.path, text, 0o600); err != nil {
		return err
	}
	if before == nil {
		return nil
	}
	return giveBack(f.path, before)
}

// giveBack gives a file to who owned it before. That is whose folder it is in, who may have
// put a link in its place meanwhile.
func giveBack(path string, before os.FileInfo) error {
	if owner, ok := before.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
		return os.Lchown(path, int(owner.Uid), int(owner.Gid))
	}
	return nil
}

// unknownToHelper: a helper has no login of that name.
type unknownToHelper struct{ said string }

func (e *unknownToHelper) Error() string { return e.said }

// runHelper has a helper do something, as
// https://github.com/docker/docker-credential-helpers describes.
func runHelper(ctx context.Context, helper, action string, input []byte) error {
	program := "docker-credential-" + helper
	cmd := exec.CommandContext(ctx, program, action)
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.Output()
	if err == nil {
		return nil
	}
	said := strings.TrimSpace(string(out))
	if exit := (*exec.ExitError)(nil); said == "" && errors.As(err, &exit) {
		said = strings.TrimSpace(string(exit.Stderr))
	}
	if strings.Contains(said, "credentials not found") {
		return &unknownToHelper{said}
	}
	if said == "" {
		said = err.Error()
	}
	return fmt.Errorf("the helper %s, which %s names, cannot %s the credentials: %s", program, CredentialsFile(), action, said)
}
