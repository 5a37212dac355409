package images

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gocompose/gocompose/project"
)

const oldConfig = `{
	"architecture": "amd64", "os": "linux", "variant": "kept", "author": "old",
	"config": {"Env": ["PATH=/bin", "GONE=1", "B=2"], "Cmd": ["old"], "Entrypoint": ["/entry"], "WorkingDir": "/old",
		"Healthcheck": {"Test": ["CMD", "true"]}, "Labels": {"a": "1"}, "ArgsEscaped": true},
	"rootfs": {"type": "layers", "diff_ids": ["sha256:00"]},
	"history": [{"created_by": "old"}]
}`

func TestCommittedConfiguration(t *testing.T) {
	for name, c := range map[string]struct {
		spec    project.Container
		changes []string
		want    string // the new config, with null for what is no more
	}{
		"nothing": {want: `{}`},
		"what the service says": {
			spec: project.Container{
				Env: map[string]string{"B": "3", "C": "4"}, UnsetEnv: []string{"GONE"}, Command: []string{"new"}, User: "me",
				WorkingDir: "/new", StopSignal: "SIGINT", Labels: map[string]string{"b": "2"}, Expose: []string{"80/tcp"},
			},
			want: `{"Env": ["PATH=/bin", "B=3", "C=4"], "Cmd": ["new"], "User": "me", "WorkingDir": "/new", "StopSignal": "SIGINT",
				"Labels": {"a": "1", "b": "2"}, "ExposedPorts": {"80/tcp": {}}}`,
		},
		"an entrypoint without a command": {
			spec: project.Container{Entrypoint: []string{"/other"}},
			want: `{"Entrypoint": ["/other"], "Cmd": null}`,
		},
		"commands": {
			changes: []string{`ENTRYPOINT ["/bin/x", "a b"]`, `cmd echo "$HOME"`},
			want:    `{"Entrypoint": ["/bin/x", "a b"], "Cmd": ["/bin/sh", "-c", "echo \"$HOME\""]}`,
		},
		"all others": {
			changes: []string{
				`ENV B="a b" D=5`, `ENV OLD the old form`, `LABEL x=y 'l m=n o'`, `EXPOSE 80 53/udp`, `VOLUME ["/v w"]`, `VOLUME /a /b`,
				`ONBUILD RUN make`, `STOPSIGNAL SIGQUIT`, `USER 1:2`, `WORKDIR sub/dir`,
			},
			want: `{"Env": ["PATH=/bin", "GONE=1", "B=a b", "D=5", "OLD=the old form"], "Labels": {"a": "1", "x": "y", "l m": "n o"},
				"ExposedPorts": {"80/tcp": {}, "53/udp": {}}, "Volumes": {"/v w": {}, "/a": {}, "/b": {}}, "OnBuild": ["RUN make"],
				"StopSignal": "SIGQUIT", "User": "1:2", "WorkingDir": "/old/sub/dir"}`,
		},
		"after what the service says": {
			spec:    project.Container{User: "me", Command: []string{"new"}},
			changes: []string{"USER you", `CMD []`},
			want:    `{"User": "you", "Cmd": null}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := readDocument([]byte(oldConfig))
			if err != nil {
				t.Fatal(err)
			}
			change, err := parseChanges(c.changes)
			if err != nil {
				t.Fatal(err)
			}
			at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
			if err := d.extend(Commit{Spec: c.spec, Author: "me", Message: "why", Created: at}, "sha256:11", change); err != nil {
				t.Fatal(err)
			}
			data, err := json.Marshal(d.all)
			if err != nil {
				t.Fatal(err)
			}
			var got, want map[string]any
			var more map[string]any
			for text, into := range map[string]*map[string]any{string(data): &got, oldConfig: &want, c.want: &more} {
				if err := json.Unmarshal([]byte(text), into); err != nil {
					t.Fatal(err)
				}
			}
			config := want["config"].(map[string]any)
			for key, value := range more {
				if config[key] = value; value == nil {
					delete(config, key)
				}
			}
			want["author"], want["created"] = "me", "2024-05-06T07:08:09Z"
			want["rootfs"] = map[string]any{"type": "layers", "diff_ids": []any{"sha256:00", "sha256:11"}}
			history := got["history"].([]any)
			if last := history[len(history)-1].(map[string]any); len(history) != 2 || last["comment"] != "why" || last["author"] != "me" {
				t.Errorf("history is %v", history)
			}
			delete(got, "history")
			delete(want, "history")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestChangesThatAreNone(t *testing.T) {
	for _, line := range []string{"RUN make", "CMD", "", "ENV =x", "LABEL a=b c", "STOPSIGNAL SIGNOTHING", `ENV a="b`, "HEALTHCHECK NONE"} {
		if _, err := parseChanges([]string{line}); err == nil || !strings.Contains(err.Error(), "change ") {
			t.Errorf("%q: error %v", line, err)
		}
	}
}
