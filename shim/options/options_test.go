package options_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/shim/options"
)

func full() options.Options {
	return options.Options{
		Dir:    "/var/lib/gocompose/containers/web-1 & co?#%",
		Driver: options.JSONFile,
		Log:    logs.Limits{MaxSize: 10 << 20, MaxFiles: 3},
		Attach: "/run/gocompose/attach/web-1",
		Forward: options.Forward{
			Driver: options.Syslog, Address: "tcp+tls://logs:6514", Tag: `a "tag" & more`, Fields: map[string]string{"K": "ä\n"}, Buffer: 1 << 20,
			Facility: 3, Format: "rfc5424", TLS: options.TLS{CA: "/ca", Unsafe: true}, RetryWait: time.Second, Retries: 7,
		},
		Events: "/var/lib/gocompose/events & more",
		Supervisor: options.Supervisor{
			Socket:  "/run/gocompose/supervisor.sock",
			Command: []string{"/usr/bin/gocompose", "supervisor", "", "a b;c"},
			Env:     []string{"GOCOMPOSE_ROOT=/x y", "A=ä=b&c"},
		},
	}
}

func TestParseReadsWhatURIWrites(t *testing.T) {
	for _, want := range []options.Options{full(), {Dir: "/d", Driver: options.None}} {
		uri := want.URI()
		if !options.IsURI(uri) {
			t.Errorf("%s is not taken for a URI", uri)
		}
		got, err := options.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", uri, got, want)
		}
	}
}

func TestParseRefusesWhatWouldNotWork(t *testing.T) {
	for uri, want := range map[string]string{
		"file:///x":                                                      "does not begin",
		"gocompose://host/x":                                             "does not begin",
		"gocompose:x":                                                    "does not begin",
		"gocompose://?driver=none":                                       "not absolute",
		"gocompose:///d?driver=none;":                                    "semicolon",
		"gocompose:///d?driver=x":                                        `log driver "x"`,
		"gocompose:///d?driver=none&max-size=-1":                         "negative",
		"gocompose:///d?driver=none&max-file=x":                          "max-file",
		"gocompose:///d?driver=none&forward=x":                           "forward: ",
		"gocompose:///d?driver=none&forward={}":                          "forward: there is no driver",
		"gocompose:///d?driver=none&forward={%22driver%22:%22syslog%22}": "forward: a buffer of 0 bytes",
		"gocompose:///d?driver=none&events=e":                            `folder "e" is not absolute`,
		"gocompose:///d?driver=none&command=/x":                          "no socket",
		"gocompose:///d?driver=none&socket=s&command=/x":                 "not absolute",
		"gocompose:///d?driver=none&socket=/s&command=gocompose":         "absolute path",
		"gocompose:///d?driver=none&socket=/s":                           "absolute path",
		"gocompose:///d?driver=none&max-size=99999999999999999999999999": "max-size",
	} {
		if _, err := options.Parse(uri); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", uri, err, want)
		}
	}
}

func TestAPathIsNoURI(t *testing.T) {
	for _, s := range []string{"", "/run/fifo/gocompose:", "file:///x", "binary:///x"} {
		if options.IsURI(s) {
			t.Errorf("%q is taken for a URI", s)
		}
	}
}

func FuzzURI(f *testing.F) {
	f.Add("/d", int64(1), 2, "/s", "/c", "arg", "K=V")
	f.Add("//d/../\x00\xff", int64(0), 0, "", "", "", "")
	f.Fuzz(func(t *testing.T, dir string, size int64, files int, socket, command, arg, env string) {
		want := options.Options{Dir: dir, Driver: options.JSONFile, Log: logs.Limits{MaxSize: size, MaxFiles: files}}
		if socket != "" {
			want.Supervisor = options.Supervisor{Socket: socket, Command: []string{command, arg}, Env: []string{env}}
		}
		got, err := options.Parse(want.URI())
		if err != nil {
			return // refused; never read as something else
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(full().URI())
	f.Fuzz(func(t *testing.T, uri string) {
		o, err := options.Parse(uri)
		if err != nil {
			return
		}
		again, err := options.Parse(o.URI())
		if err != nil || !reflect.DeepEqual(again, o) {
			t.Fatalf("%+v became %+v, %v", o, again, err)
		}
	})
}
