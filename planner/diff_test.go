package planner

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gocompose/gocompose/project"
)

// notCompared are the fields of a container that are no reason to replace it:
// what makes it that replica, and what is known for other ends.
var notCompared = []string{"Project", "Service", "Replica", "Role", "Temporary", "Needs", "Origin", "Networks.Others", "VolumesFrom.ID"}

// A field that is added to project.Container and forgotten in diff fails here.
func TestEveryFieldIsCompared(t *testing.T) {
	everyField(t, notCompared, func(have, want project.Container) []Reason { return diff(Container{Spec: have}, want, nil) })
}

func TestRequestsForDevicesAreToldInWords(t *testing.T) {
	have := project.Container{}
	want := project.Container{}
	want.Devices.Requests = []project.DeviceRequest{
		{Attribute: "gpus", Count: project.AllDevices},
		{Attribute: "gpus", Driver: project.DriverNvidia, Count: 2},
		{Attribute: "deploy.resources.reservations.devices", IDs: []string{"0", "GPU-1"}},
	}
	var got []string
	for _, r := range diff(Container{Spec: have}, want, nil) {
		got = append(got, r.Field+": "+r.From+" -> "+r.To)
	}
	if text := strings.Join(got, "\n"); text != "deploy.resources.reservations.devices:  -> 0, GPU-1\ngpus:  -> all, 2 of nvidia" {
		t.Error(text)
	}
}

// And one of project.Network that is forgotten in diffNetwork.
func TestEveryFieldOfANetworkIsCompared(t *testing.T) {
	everyField(t, []string{"Name", "Key", "Project", "External"}, diffNetwork)
}

// everyField changes every field of a T, in every way, and holds that differ has
// a reason for it, unless it is one of ignored, or a part of one: "Field.Part".
func everyField[T any](t *testing.T, ignoredFields []string, differ func(have, want T) []Reason) {
	t.Helper()
	var want T
	fill(reflect.ValueOf(&want).Elem(), "a")
	if why := differ(want, want); len(why) > 0 {
		t.Fatalf("what is equal differs: %v", why)
	}
	for i := range reflect.TypeFor[T]().NumField() {
		name := reflect.TypeFor[T]().Field(i).Name
		ignored := slices.Contains(ignoredFields, name)
		for path, have := range variants[T](i) {
			why := differ(have, want)
			ignored := ignored || slices.ContainsFunc(ignoredFields, func(f string) bool {
				field, part, nested := strings.Cut(f, ".")
				return nested && field == name && strings.Contains(path, "."+part)
			})
			if ignored && len(why) > 0 {
				t.Errorf("%s%s: is a reason: %v", name, path, why)
			}
			if !ignored && len(why) == 0 {
				t.Errorf("%s%s: a change is not noticed", name, path)
			}
			for _, r := range why {
				if r.From == r.To && r.From != "" {
					t.Errorf("%s%s: the reason says nothing: %v", name, path, r)
				}
			}
		}
	}
}

// leaf returns a value of a type that has no fields to look into; ok is false
// for any other.
func leaf(of reflect.Type, text string) (v reflect.Value, ok bool) {
	number := byte(len(text) + int(text[0]))
	a := netip.AddrFrom4([4]byte{10, 0, number, 0})
	switch of {
	case reflect.TypeFor[netip.Addr]():
		return reflect.ValueOf(a), true
	case reflect.TypeFor[netip.Prefix]():
		return reflect.ValueOf(netip.PrefixFrom(a, 24)), true
	case reflect.TypeFor[project.PreStart](): // holds a container, whose fields are compared as those of any
		return reflect.ValueOf(project.PreStart{Container: project.Container{User: text}}), true
	default:
		return v, false
	}
}

// fill gives every field a value, so that every field can be changed.
func fill(v reflect.Value, text string) {
	if l, ok := leaf(v.Type(), text); ok {
		v.Set(l)
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(false)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint16:
		v.SetUint(1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), text)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf(text), filled(v.Type().Elem(), text))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), text)
		}
	default:
		panic("no way to fill a " + v.Kind().String())
	}
}

func filled(of reflect.Type, text string) reflect.Value {
	v := reflect.New(of).Elem()
	fill(v, text)
	return v
}

// variants returns a filled T with field i changed in every way: each value
// within it, one element more, none.
func variants[T any](i int) map[string]T {
	out := map[string]T{}
	add := func(path string, change func(reflect.Value)) {
		v := filled(reflect.TypeFor[T](), "a")
		change(v.Field(i))
		out[path] = v.Interface().(T)
	}
	var walk func(path string, v reflect.Value, at func(reflect.Value) reflect.Value)
	walk = func(path string, v reflect.Value, at func(reflect.Value) reflect.Value) {
		if _, ok := leaf(v.Type(), "a"); ok {
			add(path, func(r reflect.Value) { fill(at(r), "z") })
			add(path+" none", func(r reflect.Value) { at(r).SetZero() })
			return
		}
		switch v.Kind() {
		case reflect.Struct:
			for f := range v.NumField() {
				walk(path+"."+v.Type().Field(f).Name, v.Field(f), func(r reflect.Value) reflect.Value { return at(r).Field(f) })
			}
		case reflect.Pointer:
			walk(path, v.Elem(), func(r reflect.Value) reflect.Value { return at(r).Elem() })
			add(path+" none", func(r reflect.Value) { at(r).SetZero() })
		case reflect.Slice:
			walk(path+"[0]", v.Index(0), func(r reflect.Value) reflect.Value { return at(r).Index(0) })
			add(path+" longer", func(r reflect.Value) { at(r).Set(reflect.Append(at(r), filled(v.Type().Elem(), "b"))) })
			add(path+" none", func(r reflect.Value) { at(r).SetZero() })
		case reflect.Map:
			value := v.Type().Elem()
			add(path+" value", func(r reflect.Value) { at(r).SetMapIndex(reflect.ValueOf("a"), filled(value, "z")) })
			add(path+" key", func(r reflect.Value) { at(r).SetMapIndex(reflect.ValueOf("b"), reflect.Zero(value)) })
			add(path+" none", func(r reflect.Value) { at(r).SetZero() })
		case reflect.String:
			add(path, func(r reflect.Value) { at(r).SetString("z") })
		case reflect.Bool:
			add(path, func(r reflect.Value) { at(r).SetBool(true) })
		case reflect.Int, reflect.Int64:
			add(path, func(r reflect.Value) { at(r).SetInt(2) })
		case reflect.Uint16:
			add(path, func(r reflect.Value) { at(r).SetUint(2) })
		default:
			panic("no way to change a " + v.Kind().String())
		}
	}
	walk("", filled(reflect.TypeFor[T](), "a").Field(i), func(v reflect.Value) reflect.Value { return v })
	return out
}

func TestNilCommandIsNotAnEmptyOne(t *testing.T) {
	have := Container{Spec: project.Container{Command: []string{}}}
	if why := diff(have, project.Container{}, nil); len(why) != 1 || why[0].Field != "command" {
		t.Errorf("got %v", why)
	}
	have.Spec = project.Container{
		Mounts: []project.Mount{}, CapAdd: []string{}, Env: map[string]string{}, Health: &project.Healthcheck{},
	}
	if why := diff(have, project.Container{}, nil); len(why) != 0 {
		t.Errorf("empty is not absent: %v", why)
	}
}

// Values of variables and labels can be secret, and so can what a variable was
// written into.
func TestSecretsStayOutOfReasons(t *testing.T) {
	const secret = "hunter2"
	have := Container{Spec: project.Container{
		Env: map[string]string{"PASSWORD": "old" + secret}, Labels: map[string]string{"token": secret},
		Command: []string{"--requirepass", secret}, Entrypoint: []string{secret},
		Health: &project.Healthcheck{Test: []string{"CMD", "ping", secret}},
	}}
	want := project.Container{Env: map[string]string{"PASSWORD": secret}, UnsetEnv: []string{"HOME"}}
	var all []string
	for _, r := range diff(have, want, nil) {
		all = append(all, r.String())
	}
	text := strings.Join(all, "; ")
	if strings.Contains(text, secret) {
		t.Errorf("a secret is shown: %s", text)
	}
	if want := "entrypoint changed; command changed; environment.HOME changed; environment.PASSWORD changed; labels.token changed; healthcheck.test changed"; text != want {
		t.Errorf("got %s\nwant %s", text, want)
	}
}

func TestReasonsReadAsInAComposeFile(t *testing.T) {
	have := Container{ImageDigest: "sha256:" + strings.Repeat("a", 64), Spec: project.Container{
		Image: "docker.io/library/web:1", NanoCPUs: 1.5e9,
		Ports:  []project.Port{{Target: 80, Protocol: "tcp", HostIP: "::1", Published: 8080}, {Target: 81, Protocol: "udp", HostIP: "127.0.0.1"}},
		Mounts: []project.Mount{{Type: project.MountVolume, Source: "shop_data", Target: "/data"}},
	}}
	have.Spec.Health = &project.Healthcheck{Interval: 90 * time.Second, Retries: 3}
	have.Spec.Restart = project.Restart{Condition: project.RestartOnFailure, MaxAttempts: 3, Delay: time.Second}
	want := project.Container{
		Health:  &project.Healthcheck{Interval: 90 * time.Second, StartPeriod: 2500 * time.Millisecond},
		Restart: project.Restart{Unhealthy: true},
		Image:   "docker.io/library/web:1", NanoCPUs: 2e9,
		Memory: 64 << 20, ShmSize: 3<<30 + 1, Resources: project.Resources{MemorySwap: -1},
		Mounts: []project.Mount{{Type: project.MountBind, Source: "/srv/my data", Target: "/data", ReadOnly: true}},
	}
	images := map[string]string{"docker.io/library/web:1": "sha256:" + strings.Repeat("b", 64)}
	var got []string
	for _, r := range diff(have, want, images) {
		got = append(got, r.String())
	}
	wanted := []string{
		"image: web:1@aaaaaaaaaaaa… -> web:1@bbbbbbbbbbbb…",
		"ports: [::1]:8080:80/tcp, 127.0.0.1::81/udp -> none",
		`volumes./data: volume shop_data -> bind "/srv/my data" read_only`,
		"shm_size: none -> 3221225473",
		"cpus: 1.5 -> 2",
		"mem_limit: none -> 64m",
		"memswap_limit: none -> -1",
		"healthcheck.start_period: none -> 2.5s",
		"healthcheck.retries: 3 -> none",
		"restart: on-failure:3 -> no",
		"deploy.restart_policy.delay: 1s -> none",
		"x-gocompose.restart_unhealthy: false -> true",
	}
	if !slices.Equal(got, wanted) {
		t.Errorf("got  %q\nwant %q", got, wanted)
	}
}

// The digest is only compared where both are known: an image that was removed
// from the host is no reason to replace what was made from it.
func TestAnImageThatIsGoneIsNoReason(t *testing.T) {
	have := Container{ImageDigest: "sha256:aa", Spec: project.Container{Image: "web:1"}}
	if why := diff(have, have.Spec, nil); len(why) > 0 {
		t.Errorf("got %v", why)
	}
}

func TestNaturalOrderIsTotal(t *testing.T) {
	text := rapid.StringMatching(`[a-b0-1-]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := text.Draw(t, "a"), text.Draw(t, "b"), text.Draw(t, "c")
		if (compareNatural(a, b) == 0) != (a == b) || compareNatural(a, b) != -compareNatural(b, a) {
			t.Fatal("not antisymmetric")
		}
		if compareNatural(a, b) < 0 && compareNatural(b, c) < 0 && compareNatural(a, c) >= 0 {
			t.Fatal("not transitive")
		}
	})
	list := []string{"web-10", "web-2", "web-1", "api-3", "web-2~x"}
	slices.SortFunc(list, compareNatural)
	if got := fmt.Sprint(list); got != "[api-3 web-1 web-2 web-2~x web-10]" {
		t.Error(got)
	}
}
