package dockerfile_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/internal/dockerfile"
)

func TestImages(t *testing.T) {
	args := map[string]string{"VERSION": "2", "LATE": "late"}
	for _, tt := range []struct{ name, text, target, want string }{
		{"one stage", "FROM nginx:1.27\nCOPY . /", "", "nginx:1.27"},
		{"scratch", "FROM scratch", "", ""},
		{"variables", "ARG BASE=app\nARG VERSION=1\nFROM ${BASE}:$VERSION", "", "app:2"},
		{"a default that has one", "ARG A=a\nARG B=$A-b\nFROM $B", "", "a-b"},
		{"a variable that is not known", "FROM $NOTHING", "", ""},
		{"an ARG after FROM", "FROM a\nARG LATE\nFROM $LATE", "", ""},
		{"stages that are not built", "FROM a AS one\nFROM b AS two\nFROM two", "", "b"},
		{"a target", "FROM a AS one\nFROM b AS two", "ONE", "a"},
		{"a target by number", "FROM a\nFROM b", "0", "a"},
		{"a target that is not there", "FROM a", "x", ""},
		{"copies", "FROM a AS one\nFROM b\nCOPY --from=one / /\nCOPY --from=c:1 / /\nCOPY --from=0 / /", "", "a b c:1"},
		{"mounts", "FROM a\nRUN --mount=from=b,target=/b --mount=type=cache,target=/c true", "", "a b"},
		{"a name of its own stage", "FROM web AS web", "", "web"},
		{"contexts", "FROM ctx\nCOPY --from=ctx / /", "", ""},
		{"another platform", "FROM --platform=linux/arm64 a", "", "a"},
		{"text that is none", "FROM a\nRUN <<END\nFROM b\nEND\nCOPY <<END /x\nFROM c\nEND", "", "a"},
		{"continued", "# escape=`\nFROM `\n  a", "", "a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := dockerfile.Images([]byte(tt.text), tt.target, args, []string{"ctx"})
			if err != nil || !slices.Equal(got, strings.Fields(tt.want)) {
				t.Errorf("%q, %v, want %q", got, err, tt.want)
			}
		})
	}
	if _, err := dockerfile.Images([]byte("RUN nothing"), "", nil, nil); err == nil {
		t.Error("what begins with no FROM is no error")
	}
}

func FuzzImages(f *testing.F) {
	f.Add([]byte("ARG A=1\nFROM $A AS x\nRUN --mount=from=y,target=/ true\nCOPY --from=x / /"), "x")
	f.Add([]byte("# escape=`\nFROM `\n  a\nRUN <<E\nE"), "")
	f.Fuzz(func(_ *testing.T, text []byte, target string) {
		_, _ = dockerfile.Images(text, target, map[string]string{"A": "${A}"}, nil)
	})
}
