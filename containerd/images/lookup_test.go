package images

import (
	"strings"
	"testing"
)

func TestWhatMayBeAnID(t *testing.T) {
	whole := strings.Repeat("0123456789abcdef", 4)
	for text, want := range map[string]bool{
		"0af9": true, "sha256:0af9": true, whole: true, "sha256:" + whole: true,
		"0af": false, "sha256:0af": false, "": false, whole + "0": false, "web1": false, "0AF9": false, "sha512:0af9": false,
	} {
		if got := isID(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
