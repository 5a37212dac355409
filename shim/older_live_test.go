//go:build live

package shim_test

import (
	"testing"

	"github.com/gocompose/gocompose/containerd/enginetest"
)

func TestLiveOlderContainerd(t *testing.T) {
	enginetest.UseOlder(t)
	t.Run("containers", TestLive)
	t.Run("the death of containerd", TestLiveContainersDoNotNoticeTheDeathOfContainerd)
}
