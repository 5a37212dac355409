package loader

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/gocompose/gocompose/project"
)

// abroad is an Elsewhere whose files are those of archives, by their names: "far:one".
func abroad(t *testing.T, archives map[string]string) Elsewhere {
	t.Helper()
	copies := map[string]Fetched{}
	for name, archive := range archives {
		dir := t.TempDir()
		c := Fetched{Root: filepath.Join(dir, "files"), Mounts: filepath.Join(dir, "mounts"), Pinned: name + "@1", Source: strings.ReplaceAll(name, "secret@", "")}
		for i, f := range txtar.Parse([]byte(archive)).Files {
			path := filepath.Join(c.Root, f.Name)
			if i == 0 {
				c.File = path
			}
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, f.Data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		copies[name] = c
	}
	return Elsewhere{
		Accepts: func(name string) bool { return strings.HasPrefix(name, "far:") },
		Shown:   func(name string) string { return strings.ReplaceAll(name, "secret@", "") },
		Fetch: func(_ context.Context, name string) (Fetched, error) {
			if c, ok := copies[strings.TrimSuffix(name, "@1")]; ok {
				return c, nil
			}
			return Fetched{}, fmt.Errorf("nobody has it")
		},
	}
}

func fromAbroad(t *testing.T, o Options, archives map[string]string) (*project.Project, string, error) {
	t.Helper()
	o.Elsewhere = abroad(t, archives)
	if o.WorkingDir == "" {
		o.WorkingDir = t.TempDir()
	}
	o.ProjectName = "shop"
	p, err := Load(t.Context(), o)
	return p, o.WorkingDir, err
}

func TestPathsOfFilesElsewhereAreInTheirCopies(t *testing.T) {
	archives := map[string]string{
		"far:main": "-- deploy/compose.yaml --\ninclude: [far:more]\nservices: {a: {image: a, volumes: [\"./data:/data\", \"/srv:/srv\"], env_file: a.env}}\n" +
			"volumes: {}\n-- deploy/a.env --\nA=1\n",
		"far:more": "-- more.yaml --\nservices: {b: {image: b, volumes: [\"./b:/b\"], extends: {file: far:base, service: c}}}\n",
		"far:base": "-- x/base.yaml --\nservices: {c: {image: c, volumes: [\"./c:/c\"], env_file: c.env}}\n-- x/c.env --\nC=1\n",
	}
	p, _, err := fromAbroad(t, Options{Files: []string{"far:main"}}, archives)
	if err != nil {
		t.Fatal(err)
	}
	a, b := p.Services[0].Template, p.Services[1].Template
	for got, want := range map[string]string{
		a.Mounts[0].Source: "/mounts/deploy/data", b.Mounts[0].Source: "/mounts/b", b.Mounts[1].Source: "/mounts/x/c",
	} {
		if !strings.HasSuffix(got, want) {
			t.Errorf("%s, want …%s", got, want)
		}
	}
	if root := a.Mounts[0].Within; root == "" || a.Mounts[0].Source != root+"/deploy/data" || a.Mounts[1].Within != "" {
		t.Errorf("links are followed: %+v", a.Mounts)
	}
	if a.Mounts[1].Source != "/srv" || a.Env["A"] != "1" || b.Env["C"] != "1" {
		t.Errorf("%+v, %+v", a, b)
	}
	if o := a.Origin; o.ConfigFiles[0] != "far:main@1" || o.Source != "far:main" || !strings.HasSuffix(o.WorkingDir, "/files/deploy") {
		t.Errorf("%+v", o)
	}
	if !slices.Equal(p.Elsewhere.Files, []string{"far:main@1", "far:more@1", "far:base@1"}) {
		t.Errorf("%q", p.Elsewhere.Files)
	}
	if !slices.Equal(p.Elsewhere.Host, []string{"a: reads and writes /srv"}) {
		t.Errorf("%q", p.Elsewhere.Host)
	}
}

// The user trusts the files that are here, and not what they name elsewhere.
func TestFilesHereAskForNothingThemselves(t *testing.T) {
	for here, want := range map[string]string{
		"services: {mine: {image: a, privileged: true, environment: [SET]}}":                                             "",
		"include: [far:main]\nservices: {mine: {image: \"a:${SET}\", privileged: true, volumes: [\"/srv:/x\"]}}":         "a: is on the host's network; volume disk: the volume disk, which is of another project or of none; FAR FAR_FILE HANDED",
		"services: {mine: {extends: {file: far:base, service: a}}, next: {extends: mine}, other: {image: a, pid: host}}": "mine: is on the host's network; next: is on the host's network; FAR FAR_FILE HANDED",
		"include: [far:asks]\nservices: {mine: {image: a, pid: host}}":                                                   "",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(here), 0o600); err != nil {
			t.Fatal(err)
		}
		o := Options{WorkingDir: dir, Existing: true, Environ: []string{"SET=1", "FAR=1"}}
		p, _, err := fromAbroad(t, o, map[string]string{
			"far:main": "-- f/main.yaml --\nservices: {a: {image: \"a:${FAR-${NOT}}\", network_mode: host, environment: [HANDED], env_file: a.env, volumes: [\"disk:/x\"]}}\nvolumes: {disk: {external: true}}\n-- f/a.env --\nFAR_FILE\n",
			"far:base": "-- f/main.yaml --\nservices: {a: {image: \"a:${FAR-${NOT}}\", network_mode: host, environment: [HANDED], env_file: a.env}}\n-- f/a.env --\nFAR_FILE\n",
			"far:asks": "-- f --\nservices: {b: {image: b}}\n",
		})
		if err != nil {
			t.Fatalf("%s: %v", here, err)
		}
		got := ""
		if e := p.Elsewhere; e != nil {
			var names []string
			for _, v := range e.Variables {
				names = append(names, v.Name)
			}
			got = strings.TrimSuffix(strings.Join(append(e.Host, strings.Join(names, " ")), "; "), "; ")
			if !e.Included || !e.NamedHere {
				t.Errorf("%+v", e)
			}
		}
		if got != want {
			t.Errorf("%s\nasks for %s\nwant %s", here, got, want)
		}
		if p.Services[0].Template.Origin.Source != "" {
			t.Errorf("%+v", p.Services[0].Template.Origin)
		}
	}
}

func TestEveryVariableThatIsReadIsKnown(t *testing.T) {
	o := Options{Files: []string{"far:main"}, Existing: true, Environ: []string{"SET=hunter2", "PASSED=hunter3", "SECRET=hunter4"}}
	p, _, err := fromAbroad(t, o, map[string]string{
		"far:main": `-- compose.yaml --
include: [{path: far:more, env_file: [more.env]}]
services:
  a:
    image: "a:${SET}${UNSET:-7}"
    environment: [PASSED, NOT=this, "NESTED=${OUTER-${INNER}}"]
    env_file: a.env
    build: {context: ., args: [ARG]}
    secrets: [s]
secrets: {s: {environment: SECRET}}
-- a.env --
# NO=$NO
HANDED
MADE=${OF}
-- more.env --
MORE=${OF_MORE}
`,
		"far:more": "-- more.yaml --\nservices: {b: {image: \"b:${MORE}\", environment: {LATER: }, profiles: [x]}}\n-- .env --\nDOT=$OF_DOT\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range p.Elsewhere.Variables {
		names = append(names, v.Name)
		if from := map[string]string{"SET": project.FromEnvironment, "SECRET": project.FromEnvironment, "PASSED": project.FromEnvironment, "MORE": project.FromEnvFile}[v.Name]; v.From != from {
			t.Errorf("%+v, want it from %q", v, from)
		}
	}
	if want := strings.Fields("ARG HANDED INNER LATER MORE OF OF_DOT OF_MORE OUTER PASSED SECRET SET UNSET"); !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	if text := fmt.Sprint(p.Elsewhere); strings.Contains(text, "hunter") {
		t.Error(text)
	}
}

func TestWhatIsAskedOfTheHostIsKnown(t *testing.T) {
	for service, want := range map[string]string{
		`volumes: ["/srv:/x:ro"]`:                        "a: reads /srv",
		`volumes: ["../../../../../../../../../etc:/x"]`: "a: reads and writes /etc",
		`privileged: true`:                               "a: is privileged: nothing of the host is closed to it",
		`cap_add: [SYS_ADMIN]`:                           "a: has the capabilities CAP_SYS_ADMIN",
		`devices: ["/dev/null"]`:                         "a: the device /dev/null",
		`devices: ["vendor.com/class=x"]`:                "a: devices of the host, such as graphics cards",
		`gpus: all`:                                      "a: devices of the host, such as graphics cards",
		`device_cgroup_rules: ["c 1:3 rwm"]`:             "a: devices by the rules c 1:3 rwm",
		`network_mode: host`:                             "a: is on the host's network",
		`network_mode: "container:other"`:                "a: is in a namespace of the container other",
		`pid: host`:                                      "a: is in the host's PID namespace",
		`ipc: host`:                                      "a: is in the host's IPC namespace",
		`uts: host`:                                      "a: is in the host's UTS namespace",
		`cgroup: host`:                                   "a: is in the host's cgroup namespace",
		`volumes_from: ["container:other"]`:              "a: has the volumes of the container other",
		`security_opt: ["seccomp:unconfined"]`:           "a: may make all system calls",
		`security_opt: ["apparmor:unconfined"]`:          "a: does without protection that containers have",
		`security_opt: ["systempaths=unconfined"]`:       "a: does without protection that containers have",
		`runtime: other`:                                 "a: is run by the program other",
		`cgroup_parent: /other`:                          "a: is in the cgroup /other",
		`env_file: /dev/null`:                            "a: reads /dev/null as an env file",
		`label_file: /dev/null`:                          "a: reads /dev/null as a label file",
		`develop: {watch: [{action: sync, path: /srv, target: /x}]}`: "a: reads /srv as files that are watched",
		`build: /srv`: "a: reads /srv for its build",
		`build: {context: ., additional_contexts: {x: /srv}}`:                                         "a: reads /srv for its build",
		`build: {context: ., ssh: [default]}`:                                                         "a: is built with your SSH keys",
		`build: {context: ., dockerfile: /srv/x}`:                                                     "a: reads /srv/x for its build",
		`build: {context: ., additional_contexts: {x: "oci-layout:///srv"}}`:                          "a: reads /srv for its build",
		`build: {context: ., secrets: [s]}`:                                                           "a: reads /dev/null for its build",
		`build: {context: ., network: host}`:                                                          "a: is built on the host's network",
		`build: {context: ., privileged: true}`:                                                       "a: is built with privileges: all",
		`build: {context: ., entitlements: [network.host]}`:                                           "a: is built with privileges: network.host",
		`build: {context: ., cache_from: ["type=local,src=/srv"], cache_to: ["type=local,dest=./c"]}`: "a: has a cache of its build in /srv",
		`build: {context: ., secrets: [v]}`:                                                           "a: is built with your variable TOKEN",
		`build: {context: ., secrets: [e]}`:                                                           "a: is built with the secret e of this host",
		`build: "ssh://git@example.com/x.git"`:                                                        "a: is built with your SSH keys",
		`build: {context: ., cache_to: ["type=local, Dest=/srv"]}`:                                    "a: has a cache of its build in /srv",
		`build: {context: ., cache_to: ['type=local,"dest=/srv"']}`:                                   "a: has a cache of its build in /srv",
		`build: {context: ., cache_from: ["type=gha,url=https://example.com"]}`:                       "a: is built with your credentials for a cache of the type gha",
		`build: {context: ., additional_contexts: {x: "service:base"}}`:                               "base: is built with privileges: all",
		`security_opt: ["seccomp:all.json"]`:                                                          "a: may make the system calls of a profile of its own",
		`security_opt: ["apparmor:lenient"]`:                                                          "a: has the AppArmor profile lenient",
		`security_opt: ["label:type:spc_t"]`:                                                          "a: has the SELinux options type:spc_t",
		`security_opt: ["writable-cgroups=true"]`:                                                     "a: does without protection that containers have",
		`secrets: [s]`: "a: has the file /dev/null as its secret s",
		`configs: [c]`: "a: has the config out of this host",
		`post_start: [{command: x, privileged: true}]`:          "a: a privileged command",
		`pre_start: [{image: a, command: x, privileged: true}]`: "a: is privileged: nothing of the host is closed to it",
		`volumes: ["vol:/x"]`:                                   "volume vol: the volume vol, which is of another project or of none",
		`volumes: ["named:/x"]`:                                 "volume named: the volume other_db, whoever's that is",
		`networks: [k]`:                                         "network k: the network other_net, whoever's that is",
		`volumes: ["disk:/x"]`:                                  "volume disk: what is on /dev/sda1",
		`networks: [n]`:                                         "network n: the network n, which is of another project or of none",
		`networks: [m]`:                                         "network m: a link of the host, by the driver macvlan",
		`provider: {type: model}`:                               "a: runs the program of the provider model on this host",
		`volumes: ["./x:/x"]`:                                   "",
		`volumes: ["own:/y"]`:                                   "volume own: what a folder of the files leads to, which containers may change",
	} {
		if !strings.Contains(service, "provider") {
			service = "image: a\n    " + service
		}
		o := Options{Files: []string{"far:main"}, Existing: true, Node: Node{Hostname: "here", OS: "linux", Arch: "amd64"}}
		p, _, err := fromAbroad(t, o, map[string]string{"far:main": "-- compose.yaml --\nservices:\n  a:\n    " + service + `
  base: {profiles: [never], build: {context: ., privileged: true}}
volumes:
  vol: {external: true}
  named: {name: other_db}
  disk: {driver_opts: {type: ext4, device: /dev/sda1}}
  own: {driver_opts: {type: none, o: bind, device: ./y}}
networks: {n: {external: true}, k: {name: other_net}, m: {driver: macvlan, driver_opts: {parent: eth0}}}
secrets: {s: {file: /dev/null}, v: {environment: TOKEN}, e: {external: true}}
configs: {c: {external: true, name: out}}
-- all.json --
{"defaultAction": "SCMP_ACT_ALLOW"}
`})
		if err != nil {
			t.Errorf("%s: %v", service, err)
			continue
		}
		if got := strings.Join(p.Elsewhere.Host, "; "); got != want {
			t.Errorf("%s: %q, want %q", service, got, want)
		}
	}
}

// The copy's place can be guessed, and a path that only begins with it be written.
func TestAPathThatLeadsOutOfACopyIsNotInIt(t *testing.T) {
	s := &source{copies: []copied{{Fetched: Fetched{Root: "/c/files", Mounts: "/c/mounts"}}}}
	for path, want := range map[string]bool{
		"/c/files": true, "/c/files/x": true, "/c/mounts/x/../y": true,
		"/c/files/../../etc": false, "/c/mounts/../files2": false, "/c/filesystem": false,
	} {
		if got := s.ours(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
	if path, root := s.mountedFrom("/c/files/../../etc"); root != "" || path != "/c/files/../../etc" {
		t.Errorf("%s, %s", path, root)
	}
}

func TestProblemsOfFilesElsewhereNameThem(t *testing.T) {
	_, _, err := fromAbroad(t, Options{Files: []string{"far:secret@main"}}, map[string]string{
		"far:secret@main": "-- compose.yaml --\nservices:\n  a: {image: a, restart: sometimes, extends: {file: other.yaml, service: b}}\n-- other.yaml --\nservices: {b: {nonsense: 1}}\n"})
	if err == nil || !strings.Contains(err.Error(), "far:main") || strings.Contains(err.Error(), "/files/") || strings.Contains(err.Error(), "secret@") {
		t.Error(err)
	}
	for main, want := range map[string]string{
		"include: [far:none]\nservices: {}\n":                                   "far:main:1:11: include[0]: far:none: nobody has it",
		"services: {a: {extends: {file: far:none, service: b}}}\n":              "far:main:1:32: services.a.extends.file: far:none: nobody has it",
		"include: [{path: [a.yaml, far:none]}]\nservices: {}\n-- a.yaml --\n{}": "far:main:1:27: include[0].path[1]: far:none: nobody has it",
	} {
		_, _, err := fromAbroad(t, Options{Files: []string{"far:main"}}, map[string]string{"far:main": "-- compose.yaml --\n" + main})
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", main, err, want)
		}
	}
}

func TestNamesWithColonsInOneVariable(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "here"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := &source{options: Options{WorkingDir: dir, Elsewhere: Elsewhere{Accepts: func(name string) bool {
		return strings.Contains(name, "://") || strings.HasPrefix(name, "git@") && strings.Contains(name, ":")
	}}}}
	for list, want := range map[string][]string{
		"a.yaml:b.yaml":                               {"a.yaml", "b.yaml"},
		"oci://host:5000/shop:1.0:a.yaml":             {"oci://host:5000/shop:1.0", "a.yaml"},
		"oci://host/shop:a.yaml":                      {"oci://host/shop", "a.yaml"},
		"oci://host/shop:here":                        {"oci://host/shop", "here"},
		"a.yaml:oci://host/shop@sha256:0123":          {"a.yaml", "oci://host/shop@sha256:0123"},
		"oci://host/shop:1@sha256:0123:a.yaml":        {"oci://host/shop:1@sha256:0123", "a.yaml"},
		"https://h:8443/b.git#main:d:a.yaml":          {"https://h:8443/b.git#main:d", "a.yaml"},
		"https://h/b.git#main:here":                   {"https://h/b.git#main", "here"},
		"git@h:a/b.git#main:d:ssh://git@h/b.git:here": {"git@h:a/b.git#main:d", "ssh://git@h/b.git", "here"},
		"https:a.yaml":                                {"https", "a.yaml"},
	} {
		if got := s.splitFiles(list, ":"); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", list, got, want)
		}
	}
	if got := s.splitFiles("oci://h:1/x;a:b", ";"); !slices.Equal(got, []string{"oci://h:1/x", "a:b"}) {
		t.Errorf("%q", got)
	}
}

// What a file from elsewhere names is fetched before anybody is asked.
func TestNoVariableIsInANameThatIsFetched(t *testing.T) {
	o := Options{Files: []string{"far:main"}, Environ: []string{"SECRET=hunter2", "NAME=more"}}
	o.Warn = func(text string) {
		if strings.Contains(text, "SECRET") || strings.Contains(text, "NAME") {
			t.Errorf("%s: but it is", text)
		}
	}
	more := "-- more.yaml --\nservices: {b: {image: b}}\n"
	for main, ok := range map[string]bool{
		"include: [\"far:${SECRET}\"]\nservices: {}\n":                                                          false,
		"include: [\"far:${NAME}\"]\nservices: {}\n":                                                            false,
		"services: {a: {extends: {file: \"far:${SECRET}\", service: b}}}\n":                                     false,
		"include: [{path: in.yaml, env_file: e}]\n-- in.yaml --\ninclude: [\"far:${X}\"]\n-- e --\nX=$SECRET\n": false,
		"include: [far:more]\nservices: {}\n":                                                                   true,
		"include: [\"far:${UNSET:-more}\"]\nservices: {}\n":                                                     true,
	} {
		_, _, err := fromAbroad(t, o, map[string]string{"far:main": "-- compose.yaml --\n" + main, "far:more": more})
		if (err == nil) != ok || err != nil && (strings.Contains(err.Error(), "hunter") || !strings.HasPrefix(err.Error(), "far:main:") || !strings.Contains(err.Error(), ": a file from elsewhere names another one with variables")) {
			t.Errorf("%s: %v", main, err)
		}
		if !ok && strings.HasPrefix(main, "include: [\"far:") && !strings.HasPrefix(err.Error(), "far:main:1:11: include[0]: a file") {
			t.Errorf("%s: %v has no place", main, err)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte("include: [\"far:${NAME:-x}\"]\nservices: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := fromAbroad(t, Options{WorkingDir: dir, Environ: o.Environ}, map[string]string{"far:more": "-- m --\ninclude: [far:most]\nservices: {}\n", "far:most": more}); err != nil {
		t.Error(err)
	}
}
