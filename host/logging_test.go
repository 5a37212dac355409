package host

import (
	"reflect"
	"testing"
	"time"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/shim/options"
)

func logging(driver string, o map[string]string) containerd.Container {
	return containerd.Container{ID: "shop-web-1.X", Record: containerd.Record{
		ImageDigest: "sha256:0123456789abcdef", Args: []string{"nginx", "-g"},
		Spec: project.Container{
			Project: "shop", Service: "web", Replica: 1, Name: "shop-web-1", Image: "docker.io/library/nginx:1",
			Labels: map[string]string{"tier": "front", "_odd.name": "1", "secret": "s"}, Env: map[string]string{"APP_A": "a", "APP_B": "b", "PASSWORD": "p"},
			Logging: project.Logging{Driver: driver, Options: o},
		},
	}}
}

func TestWhereOutputIsSent(t *testing.T) {
	for _, tt := range []struct {
		name string
		of   containerd.Container
		want options.Forward
	}{
		{"nowhere", logging(project.LogLocal, nil), options.Forward{}},
		{"the journal", logging(project.LogJournald, map[string]string{"tag": "{{.ImageName}}|{{.Name}}", "labels": "tier,_odd.name,none", "env-regex": "^APP_"}),
			options.Forward{Driver: "journald", Tag: "docker.io/library/nginx:1|shop-web-1", Buffer: 1 << 20, Fields: map[string]string{
				"CONTAINER_ID": "shop-web-1.X", "CONTAINER_ID_FULL": "shop-web-1.X", "CONTAINER_NAME": "shop-web-1",
				"CONTAINER_TAG": "docker.io/library/nginx:1|shop-web-1", "SYSLOG_IDENTIFIER": "docker.io/library/nginx:1|shop-web-1",
				"IMAGE_NAME": "docker.io/library/nginx:1", "TIER": "front", "ODD_NAME": "1", "APP_A": "a", "APP_B": "b",
			}}},
		{"syslog by default", logging(project.LogSyslog, nil), options.Forward{Driver: "syslog", Tag: "shop-web-1.X", Buffer: 1 << 20, Facility: 3}},
		{"syslog", logging(project.LogSyslog, map[string]string{"syslog-address": "tcp+tls://h", "syslog-format": "rfc5424", "syslog-facility": "local7",
			"syslog-tls-ca-cert": "/ca", "syslog-tls-cert": "/c", "syslog-tls-key": "/k", "syslog-tls-skip-verify": "true", "max-buffer-size": "4m"}),
			options.Forward{Driver: "syslog", Address: "tcp+tls://h", Tag: "shop-web-1.X", Buffer: 4 << 20, Facility: 23, Format: "rfc5424",
				TLS: options.TLS{CA: "/ca", Cert: "/c", Key: "/k", Unsafe: true}}},
		{"a facility by its number", logging(project.LogSyslog, map[string]string{"syslog-facility": "0"}), options.Forward{Driver: "syslog", Tag: "shop-web-1.X", Buffer: 1 << 20}},
		{"fluentd", logging(project.LogFluentd, map[string]string{"fluentd-address": "logs:24224", "labels": "com.docker.compose.service", "fluentd-buffer-limit": "2k",
			"fluentd-max-retries": "3", "fluentd-retry-wait": "2s", "fluentd-request-ack": "true", "fluentd-sub-second-precision": "1", "fluentd-write-timeout": "3s", "fluentd-read-timeout": "4s"}),
			options.Forward{Driver: "fluentd", Address: "tcp://logs:24224", Tag: "shop-web-1.X", Buffer: 2 << 10, Retries: 3, RetryWait: 2 * time.Second,
				Ack: true, SubSecond: true, WriteTimeout: 3 * time.Second, ReadTimeout: 4 * time.Second,
				Fields: map[string]string{"container_id": "shop-web-1.X", "container_name": "/shop-web-1", "com.docker.compose.service": "web"}}},
	} {
		got, err := forward(tt.of)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s:\ngot  %+v, %v\nwant %+v", tt.name, got, err, tt.want)
		}
	}
	if _, err := forward(logging(project.LogSyslog, map[string]string{"tag": "{{index .ContainerArgs 9}}"})); err == nil {
		t.Error("a tag that cannot be made is no error")
	}
}

func TestHowOutputIsKept(t *testing.T) {
	for driver, want := range map[string]string{"json-file": "json-file", "local": "json-file", "none": "none", "syslog": "json-file"} {
		if got := storeDriver(project.Logging{Driver: driver}); got != want {
			t.Errorf("%s: %s, want %s", driver, got, want)
		}
	}
	if got := storeDriver(project.Logging{Driver: "syslog", NotKept: true}); got != "none" {
		t.Errorf("cache-disabled: %s", got)
	}
}
