package containerd

import (
	"errors"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/typeurl/v2"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/gocompose/gocompose/project"
)

func TestRecordsAreReadAsWritten(t *testing.T) {
	want := Record{
		Version: 1,
		Spec: project.Container{
			Project: "shop", Service: "web", Command: []string{},
			Labels: map[string]string{"long": strings.Repeat("x", 100_000)},
		},
		ImageDigest: "sha256:aa",
		StopSignal:  "SIGQUIT",
		Anonymous:   map[string]string{"/data": "abc"},
	}
	ext, err := want.extension()
	if err != nil {
		t.Fatal(err)
	}
	got, err := recordOf(containers.Container{ID: "x", Extensions: ext})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPortsAreThoseOfTheServiceAndItsImage(t *testing.T) {
	req := CreateRequest{Spec: project.Container{Expose: []string{"8080/tcp", "90/udp"}}}
	req.Image.Config.ExposedPorts = map[string]struct{}{"80": {}, "90/UDP": {}, "443/tcp": {}}
	r := newRecord(req, nil)
	if got, want := strings.Join(r.Ports(), " "), "80/tcp 90/udp 443/tcp 8080/tcp"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestRecordsThatCannotBeReadAreErrors(t *testing.T) {
	with := func(value string) containers.Container {
		return containers.Container{ID: "x", Extensions: map[string]typeurl.Any{
			recordType: &anypb.Any{TypeUrl: recordType, Value: []byte(value)},
		}}
	}
	if _, err := recordOf(containers.Container{ID: "x"}); !errors.Is(err, errNoRecord) {
		t.Errorf("a container without a record: %v, want errNoRecord", err)
	}
	for value, want := range map[string]string{
		"{":             "container/x",
		`{"version":2}`: "later version",
	} {
		if _, err := recordOf(with(value)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", value, err, want)
		}
	}
}

func TestFilterExpressions(t *testing.T) {
	for _, tt := range []struct {
		filter Filter
		want   []string
	}{
		{Filter{}, nil},
		{Filter{Project: "shop"}, []string{`labels."com.docker.compose.project"=="shop"`}},
		{Filter{IDs: []string{"a", "b"}}, []string{`id=="a"`, `id=="b"`}},
		{Filter{Project: "shop", Names: []string{"x", "y"}}, []string{
			`labels."com.docker.compose.project"=="shop",labels."dev.gocompose.name"=="x"`,
			`labels."com.docker.compose.project"=="shop",labels."dev.gocompose.name"=="y"`,
		}},
	} {
		if diff := cmp.Diff(tt.want, tt.filter.expressions()); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.filter, diff)
		}
	}
}
