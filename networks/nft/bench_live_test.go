//go:build live

package nft

import (
	"fmt"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// manyPorts are n published ports, each of one target or of three.
func manyPorts(n, targets int) (ms []Mapping) {
	for i := range n {
		m := Mapping{Key: Key{unix.IPPROTO_TCP, netip.IPv4Unspecified(), uint16(1000 + i)}}
		for j := range targets {
			addr := netip.AddrFrom4([4]byte{172, 24, byte(i >> 6), byte(i<<2 + j)})
			m.To = append(m.To, netip.AddrPortFrom(addr, 80))
		}
		ms = append(ms, m)
	}
	return ms
}

func eachSize(b *testing.B, do func(b *testing.B, bed *bed, r Rules)) {
	for _, n := range []int{50, 500} {
		for _, targets := range []int{1, 3} {
			b.Run(fmt.Sprintf("ports=%d/targets=%d", n, targets), func(b *testing.B) {
				bed := newBed(b)
				r := everything()
				r.Mappings = manyPorts(n, targets)
				must(b, bed.table.Replace(r))
				do(b, bed, r)
			})
		}
	}
}

// One port gets another target, as when a container takes the place of another.
func BenchmarkChangeOfOnePort(b *testing.B) {
	eachSize(b, func(b *testing.B, bed *bed, r Rules) {
		is := r.Mappings[7]
		for b.Loop() {
			next := Mapping{is.Key, append([]netip.AddrPort{}, is.To...)}
			last := &next.To[len(next.To)-1]
			*last = netip.AddrPortFrom(last.Addr(), last.Port()^1)
			must(b, bed.table.Change([]Mapping{is}, []Mapping{next}))
			is = next
		}
	})
}

// One port gets a second target, and loses it.
func BenchmarkChangeToSeveralAndBack(b *testing.B) {
	eachSize(b, func(b *testing.B, bed *bed, r Rules) {
		one, several := r.Mappings[7], r.Mappings[7]
		one.To, several.To = one.To[:1], append(one.To[:1:1], netip.MustParseAddrPort("172.31.0.1:80"))
		must(b, bed.table.Change(r.Mappings[7:8], []Mapping{one}))
		for b.Loop() {
			must(b, bed.table.Change([]Mapping{one}, []Mapping{several}))
			must(b, bed.table.Change([]Mapping{several}, []Mapping{one}))
		}
	})
}

// All ports go, and come back.
func BenchmarkChangeOfAllPorts(b *testing.B) {
	eachSize(b, func(b *testing.B, bed *bed, r Rules) {
		for b.Loop() {
			must(b, bed.table.Change(r.Mappings, nil))
			must(b, bed.table.Change(nil, r.Mappings))
		}
	})
}

func BenchmarkReplace(b *testing.B) {
	eachSize(b, func(b *testing.B, bed *bed, r Rules) {
		for b.Loop() {
			must(b, bed.table.Replace(r))
		}
	})
}

func BenchmarkPublished(b *testing.B) {
	eachSize(b, func(b *testing.B, bed *bed, r Rules) {
		for b.Loop() {
			must2(bed.table.Published())(b)
		}
	})
}

func BenchmarkIntact(b *testing.B) {
	eachSize(b, func(b *testing.B, bed *bed, r Rules) {
		for b.Loop() {
			if !must2(bed.table.Intact(r))(b) {
				b.Fatal("it is not intact")
			}
		}
	})
}
