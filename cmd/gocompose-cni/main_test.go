package main

import (
	"encoding/json"
	"net/netip"
	"testing"

	"github.com/gocompose/gocompose/networks/endpoint"
)

func TestAnswers(t *testing.T) {
	state := t.TempDir()
	for _, c := range []struct{ name, command, want string }{
		{"/p/gocompose-cni", "VERSION", `{"cniVersion":"1.0.0","supportedVersions":["0.3.1","0.4.0","1.0.0"]}`},
		{"/p/loopback", "ADD", `{"cniVersion":"0.3.1","interfaces":[{"name":"lo"}],"ips":null}`},
		{"/p/loopback", "DEL", "null"},
		{"/p/gocompose-cni", "CHECK", "null"},
		{"/p/gocompose-cni", "DEL", "null"}, // of what is not there
		{"/p/gocompose-cni", "ADD", "error: no network namespace is bound at /no/such/namespace"}, // it makes none
		{"/p/gocompose-cni", "", "error: CNI_COMMAND=: buildkitd runs this with ADD and DEL"},
	} {
		t.Setenv("GOCOMPOSE_ROOT", state)
		t.Setenv("GOCOMPOSE_STATE", state)
		answer, err := run(t.Context(), c.name, func(name string) string {
			return map[string]string{"CNI_COMMAND": c.command, "CNI_CONTAINERID": "abc", "CNI_NETNS": "/no/such/namespace"}[name]
		})
		got, jerr := json.Marshal(answer)
		if jerr != nil {
			t.Fatal(jerr)
		}
		if err != nil {
			got = []byte("error: " + err.Error())
		}
		if string(got) != c.want {
			t.Errorf("%s %s: %s, want %s", c.name, c.command, got, c.want)
		}
	}
}

func TestAConnectedNamespaceIsDescribed(t *testing.T) {
	got, err := json.Marshal(connected(endpoint.Interface{
		Name: "eth0", MAC: "02:47:ac:18:00:02", Address: netip.MustParsePrefix("172.24.0.2/22"), Gateway: netip.MustParseAddr("172.24.0.1"),
	}, "/n"))
	const want = `{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","mac":"02:47:ac:18:00:02","sandbox":"/n"}],` +
		`"ips":[{"address":"172.24.0.2/22","gateway":"172.24.0.1","interface":0}]}`
	if err != nil || string(got) != want {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
}
