package project_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/project"
)

func TestContentsShowNothing(t *testing.T) {
	const canary = "hunter2"
	var c project.Contents
	c.Add("d", []byte(canary))
	if got, ok := c.Of("d"); !ok || string(got) != canary {
		t.Fatalf("got %q, %v", got, ok)
	}
	if _, ok := c.Of("other"); ok {
		t.Error("there is one that was never put in")
	}
	type inside struct{ contents project.Contents }
	p := project.Project{Name: "shop", Contents: c}
	for _, v := range []any{c, &c, p, &p, inside{c}, &inside{c}, map[string]any{"c": c}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			text := fmt.Sprintf(verb, v)
			for _, shown := range []string{canary, fmt.Sprintf("%x", canary), "104 117 110", "0x68, 0x75"} {
				if strings.Contains(text, shown) {
					t.Errorf("%s of %T shows it: %s", verb, v, text)
				}
			}
		}
		b, err := json.Marshal(v)
		if err != nil || strings.Contains(string(b), canary) || strings.Contains(string(b), "aHVudGVyMg") {
			t.Errorf("%T in JSON: %s, %v", v, b, err)
		}
	}
}

func TestADigestNeedsItsKey(t *testing.T) {
	a := project.ContentDigest([]byte("one"), []byte("x"))
	if b := project.ContentDigest([]byte("two"), []byte("x")); a == b || len(a) != 64 {
		t.Errorf("%s and %s", a, b)
	}
	if b := project.ContentDigest([]byte("one"), []byte("y")); a == b {
		t.Error("two contents have one digest")
	}
}
