// Command gocompose-cni is run by buildkitd for each network namespace that it makes
// for steps of builds: a plugin by the Container Network Interface
// (https://www.cni.dev/docs/spec/), which connects the namespace to the network of
// builds. Nobody else needs to run it.
//
// What to do is in the environment, and the configuration on standard input; the
// layout is that of GOCOMPOSE_ROOT and GOCOMPOSE_STATE.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/networks"
	"github.com/gocompose/gocompose/networks/endpoint"
)

// version is that of the interface.
const version = "1.0.0"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	answer, err := run(ctx, os.Args[0], os.Getenv)
	if err != nil {
		answer = map[string]any{"cniVersion": version, "code": 100, "msg": err.Error()} // from 100 on they are a plugin's own
	}
	if answer != nil {
		if werr := json.NewEncoder(os.Stdout).Encode(answer); werr != nil && err == nil {
			err = werr
		}
	}
	if err != nil {
		os.Exit(1)
	}
}

// run does what is asked for, and returns what is to be said; nil: nothing.
func run(ctx context.Context, name string, getenv func(string) string) (any, error) {
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return nil, err
	}
	id, netns := getenv("CNI_CONTAINERID"), getenv("CNI_NETNS")
	command := getenv("CNI_COMMAND")
	switch {
	case command == "VERSION":
		return map[string]any{"cniVersion": version, "supportedVersions": []string{"0.3.1", "0.4.0", version}}, nil
	case filepath.Base(name) == "loopback":
		// The loopback is set up with the other link.
		return loopback(command), nil
	}
	p, err := paths.FromEnv()
	if err != nil {
		return nil, err
	}
	n, err := networks.Open(p)
	if err != nil {
		return nil, err
	}
	defer n.Close()
	switch command {
	case "ADD":
		i, err := n.ConnectStep(ctx, id, netns)
		if err != nil {
			return nil, err
		}
		return connected(i, netns), nil
	case "DEL":
		return nil, n.DisconnectStep(ctx, id)
	case "CHECK", "GC", "STATUS":
		return nil, nil
	}
	return nil, fmt.Errorf("CNI_COMMAND=%s: buildkitd runs this with ADD and DEL", command)
}

type link struct {
	Name    string `json:"name"`
	MAC     string `json:"mac,omitempty"`
	Sandbox string `json:"sandbox,omitempty"`
}

type address struct {
	Address   string `json:"address"`
	Gateway   string `json:"gateway,omitempty"`
	Interface int    `json:"interface"`
}

// result is the answer to ADD.
type result struct {
	Version    string    `json:"cniVersion"`
	Interfaces []link    `json:"interfaces"`
	IPs        []address `json:"ips"`
}

func connected(i endpoint.Interface, netns string) result {
	return result{
		version, []link{{i.Name, i.MAC, netns}},
		[]address{{i.Address.String(), i.Gateway.String(), 0}},
	}
}

// loopback answers for the plugin of that name, of which buildkitd asks the version
// 0.3.1.
func loopback(command string) any {
	if command != "ADD" {
		return nil
	}
	return result{"0.3.1", []link{{Name: "lo"}}, nil}
}
