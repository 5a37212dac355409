package main

import (
	"strings"
	"testing"
)

func TestAttributesThatAreNotUnderstoodAreRefused(t *testing.T) {
	for name, value := range map[string]string{"compression": "gzip", "name": "image:1", "unpack": "true", "rewrite-timestamp": "true", "push": "true"} {
		_, err := (&imageExporter{}).Resolve(t.Context(), 0, map[string]string{name: value})
		refused := name == "rewrite-timestamp" || name == "push"
		if (err != nil) != refused || refused && !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
