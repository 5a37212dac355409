//go:build live

package passage

import "testing"

// BenchmarkEnsure measures what Ensure costs when all is as it should be.
func BenchmarkEnsure(b *testing.B) {
	for _, c := range []struct {
		name string
		make func(h *host)
	}{
		{"nothing foreign", func(*host) {}},
		{"firewalld", func(h *host) { h.nft(likeFirewalld) }},
		{"iptables-nft", func(h *host) { h.feed(likeUFW, "iptables-nft-restore") }},
		{"iptables-legacy", func(h *host) { h.feed(likeUFW, "iptables-legacy-restore") }},
	} {
		b.Run(c.name, func(b *testing.B) {
			h := newHost(b)
			c.make(h)
			_, err := Ensure(b.Context(), links)
			must(b, err)
			for b.Loop() {
				h.ensure(false)
			}
		})
	}
}
