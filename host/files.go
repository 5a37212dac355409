package host

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gocompose/gocompose/containerd/spec"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/project"
)

// The files of a container's folder that are bound into it.
const (
	hostsFile    = "hosts"
	hostnameFile = "hostname"
	resolvFile   = "resolv.conf"
)

// hostGateway is the address in extra_hosts that stands for the host itself.
const hostGateway = "host-gateway"

// ShortID returns the 12 hexadecimal digits that stand for a container where
// Docker shows a short ID: its default host name, and a name in DNS.
func ShortID(id string) string { return spec.Hostname(id, project.Container{}) }

// files maps paths in the container to the files of its folder.
func files(dir string) map[string]string {
	return map[string]string{
		"/etc/hosts":       filepath.Join(dir, hostsFile),
		"/etc/hostname":    filepath.Join(dir, hostnameFile),
		"/etc/resolv.conf": filepath.Join(dir, resolvFile),
	}
}

// writeFiles puts the bound files in place. They are written in place and never
// renamed over: a mount stays with the file it was made from.
func writeFiles(dir string, c project.Container, id string, e endpoint.Endpoint) error {
	name := spec.Hostname(id, c)
	resolv, err := resolvConf("/etc/resolv.conf")
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, hostnameFile), []byte(name+"\n"), 0o644),
		os.WriteFile(filepath.Join(dir, hostsFile), hosts(name, c.ExtraHosts, e), 0o644),
		os.WriteFile(filepath.Join(dir, resolvFile), resolv, 0o644),
	)
}

// hosts is /etc/hosts as Docker writes it: localhost, extra_hosts, then the
// container's own addresses.
func hosts(name string, extra []string, e endpoint.Endpoint) []byte {
	var b bytes.Buffer
	b.WriteString("127.0.0.1\tlocalhost\n" +
		"::1\tlocalhost ip6-localhost ip6-loopback\n" +
		"fe00::\tip6-localnet\n" +
		"ff00::\tip6-mcastprefix\n" +
		"ff02::1\tip6-allnodes\n" +
		"ff02::2\tip6-allrouters\n")
	for _, x := range extra {
		host, addr, _ := strings.Cut(x, "=")
		if addr == hostGateway {
			if len(e.Interfaces) == 0 {
				continue
			}
			addr = e.Interfaces[0].Gateway.String()
		}
		fmt.Fprintf(&b, "%s\t%s\n", addr, host)
	}
	for _, i := range e.Interfaces {
		fmt.Fprintf(&b, "%s\t%s\n", i.Address.Addr(), name)
	}
	return b.Bytes()
}

// resolvConf sends all questions to our resolver, which answers in the
// container's own network namespace; the host's search domains are kept.
func resolvConf(hostFile string) ([]byte, error) {
	data, err := os.ReadFile(hostFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("nameserver 127.0.0.11\n")
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if len(f) > 1 && f[0] == "search" {
			fmt.Fprintf(&b, "search %s\n", strings.Join(f[1:], " "))
		}
	}
	b.WriteString("options ndots:0\n")
	return b.Bytes(), nil
}
