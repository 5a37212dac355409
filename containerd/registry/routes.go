package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Route is how a registry, or a mirror of one, is reached.
type Route struct {
	// Mirrors are asked before the registry itself, in this order: "mirror:5000".
	Mirrors []string
	// Scheme is "http" or "https"; empty: nothing is said of it.
	Scheme string
	// Unverified: whatever certificate it shows, and with "http" over TLS where it
	// speaks that.
	Unverified bool
	// CAs are files of certificates that count beside the system's.
	CAs []string
	// Keys are files of client certificates with their keys.
	Keys []KeyPair
}

// KeyPair are the files of a key and of its certificate, perhaps one file.
type KeyPair struct{ Key, Certificate string }

// defaultFolder is for the hosts that have none of their own.
const defaultFolder = "_default"

// dockerHub is the registry of images that name none.
const dockerHub = "docker.io"

// Routes returns what the folders of registries say, by host, for another program that
// pulls and cannot read them. It can be told of hosts one by one only: what is said of
// all is said of Docker Hub. Of mirrors, those with a path, with headers of their own or
// without the capability to resolve names are left out: registries are then asked
// themselves.
func Routes(cfg Config) (map[string]Route, error) {
	if cfg.CertsD == nil {
		cfg.CertsD = FromEnv().CertsD
	}
	all := map[string]Route{}
	folders := hostFolders(cfg.CertsD)
	for _, host := range slices.Sorted(maps.Keys(folders)) {
		if err := addHost(all, host, folders[host]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// hostFolders returns the folder of each host that has one.
func hostFolders(roots []string) map[string]string {
	found := map[string]string{}
	for _, root := range roots {
		entries, err := os.ReadDir(root)
		if err != nil {
			continue // most hosts have none of them, and pulling passes over it too
		}
		for _, e := range entries {
			dir := filepath.Join(root, e.Name())
			if info, err := os.Stat(dir); err != nil || !info.IsDir() {
				continue
			}
			if host := hostOf(e.Name()); found[host] == "" {
				found[host] = dir
			}
		}
	}
	if dir := found[defaultFolder]; dir != "" && found[dockerHub] == "" {
		found[dockerHub] = dir
	}
	delete(found, defaultFolder)
	return found
}

// hostOf returns the host that a folder is for: "host:5000" is that of "host_5000_"
// too.
func hostOf(folder string) string {
	name, ok := strings.CutSuffix(folder, "_")
	i := strings.LastIndex(name, "_")
	if !ok || i < 1 {
		return folder
	}
	return name[:i] + ":" + name[i+1:]
}

// addHost adds what the folder says of the host and of its mirrors.
func addHost(all map[string]Route, host, dir string) error {
	file := filepath.Join(dir, "hosts.toml")
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(data) == 0 {
		return addCertificates(all, host, dir)
	}
	if err == nil {
		err = checkHosts(file)
	}
	if err != nil {
		return err
	}
	var said hostsFile
	if err := toml.Unmarshal(data, &said); err != nil {
		return &HostsError{file, err}
	}
	own := all[host]
	for _, address := range said.order(string(data)) {
		mirror, ok := said.Host[address].mirror(address)
		if !ok {
			continue
		}
		own.Mirrors = append(own.Mirrors, mirror)
		if err := addServer(all, mirror, address, said.Host[address], dir); err != nil {
			return &HostsError{file, err}
		}
	}
	server, ok := said.mirror(said.Server)
	if said.Server == "" || server == host {
		all[host] = own
		if err := addServer(all, host, said.Server, said.hostSaid, dir); err != nil {
			return &HostsError{file, err}
		}
		return nil
	}
	if ok {
		own.Mirrors = append(own.Mirrors, server)
		if err := addServer(all, server, said.Server, said.hostSaid, dir); err != nil {
			return &HostsError{file, err}
		}
	}
	all[host] = own
	return nil
}

// hostsFile is a hosts.toml
// (https://github.com/containerd/containerd/blob/main/docs/hosts.md).
type hostsFile struct {
	hostSaid
	Server string              `toml:"server"`
	Host   map[string]hostSaid `toml:"host"`
}

type hostSaid struct {
	Capabilities []string       `toml:"capabilities"`
	CA           any            `toml:"ca"`
	Client       any            `toml:"client"`
	SkipVerify   bool           `toml:"skip_verify"`
	Header       map[string]any `toml:"header"`
	OverridePath bool           `toml:"override_path"`
}

// order returns the hosts as they stand in the file.
func (f hostsFile) order(text string) []string {
	at := func(address string) int {
		return max(strings.Index(text, `"`+address+`"`), strings.Index(text, `'`+address+`'`))
	}
	return slices.SortedFunc(maps.Keys(f.Host), func(a, b string) int { return at(a) - at(b) })
}

// mirror returns the host of an address, and whether another program can use it as
// it is described.
func (h hostSaid) mirror(address string) (host string, ok bool) {
	u, err := url.Parse(withScheme(address))
	if err != nil || u.Host == "" {
		return "", false
	}
	path := strings.TrimSuffix(u.Path, "/")
	resolves := len(h.Capabilities) == 0 || slices.Contains(h.Capabilities, "resolve") && slices.Contains(h.Capabilities, "pull")
	return u.Host, resolves && len(h.Header) == 0 && (path == "" && !h.OverridePath || path == "/v2")
}

func withScheme(address string) string {
	if strings.HasPrefix(address, "http") {
		return address
	}
	return "https://" + address
}

// addServer adds how a server is reached.
func addServer(all map[string]Route, name, address string, said hostSaid, dir string) error {
	h := all[name]
	if scheme, _, ok := strings.Cut(address, "://"); ok && h.Scheme != "http" {
		h.Scheme = scheme
	}
	h.Unverified = h.Unverified || said.SkipVerify
	cas, err := pathsOf(said.CA, dir)
	if err != nil {
		return fmt.Errorf("ca: %w", err)
	}
	for _, ca := range cas {
		h.CAs = append(h.CAs, ca[0])
	}
	keys, err := pathsOf(said.Client, dir)
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	for _, pair := range keys {
		h.Keys = append(h.Keys, KeyPair{Certificate: pair[0], Key: pair[len(pair)-1]})
	}
	all[name] = h
	return nil
}

// pathsOf reads a path, a list of them, or a list of lists.
func pathsOf(value any, dir string) (found [][]string, err error) {
	switch v := value.(type) {
	case nil:
	case string:
		if !filepath.IsAbs(v) {
			v = filepath.Join(dir, v)
		}
		found = [][]string{{v}}
	case []any:
		for _, entry := range v {
			parts, err := pathsOf(entry, dir)
			if err != nil || len(parts) == 0 {
				return nil, fmt.Errorf("%v is no path of a file", entry)
			}
			found = append(found, slices.Concat(parts...))
		}
	default:
		return nil, fmt.Errorf("%v is no path of a file", v)
	}
	return found, nil
}

// addCertificates adds what lies in the folder as Docker has it: "*.crt", and
// "*.cert" with "*.key".
func addCertificates(all map[string]Route, host, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	h := all[host]
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch name, ext := strings.TrimSuffix(path, filepath.Ext(path)), filepath.Ext(path); ext {
		case ".crt":
			h.CAs = append(h.CAs, path)
		case ".cert":
			key := name + ".key"
			if _, err := os.Stat(key); err != nil {
				key = path
			}
			h.Keys = append(h.Keys, KeyPair{Certificate: path, Key: key})
		}
	}
	all[host] = h
	return nil
}
