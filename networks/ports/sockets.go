package ports

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const unknown = "another program"

// find names the program whose socket is in the way of at. It looks into every
// process, and so is for the case of a conflict only.
func find(protocol string, at netip.AddrPort) string {
	inodes := map[string]bool{}
	for _, s := range bound(protocol) {
		if s.at.Port() == at.Port() && overlap(s.at.Addr(), at.Addr()) {
			inodes["socket:["+s.inode+"]"] = true
		}
	}
	if pid, ok := owner(inodes); ok {
		if name, err := os.ReadFile(filepath.Join("/proc", pid, "comm")); err == nil {
			return fmt.Sprintf("%s (process %s)", strings.TrimSpace(string(name)), pid)
		}
	}
	return unknown
}

// overlap: one of them is the other, or every address. A socket of [::] may
// take IPv4 too.
func overlap(held, wanted netip.Addr) bool {
	return held == wanted || held.IsUnspecified() || wanted.IsUnspecified()
}

// socket is one that takes what comes to an address.
type socket struct {
	at    netip.AddrPort
	inode string
}

// bound returns the sockets of a protocol in the thread's network namespace. A
// kernel without IPv6, or without SCTP, lacks tables of it.
func bound(protocol string) (all []socket) {
	tables := []string{protocol, protocol + "6"}
	read := func(table io.Reader) []socket { return parse(table, protocol) }
	if protocol == "sctp" {
		tables, read = []string{"sctp/eps"}, parseSCTP
	}
	for _, table := range tables {
		f, err := os.Open("/proc/thread-self/net/" + table)
		if err != nil {
			continue
		}
		all = append(all, read(f)...)
		_ = f.Close() // only read
	}
	return all
}

// States of a socket in these tables: a listening one of TCP, one of UDP that
// has no peer.
const (
	stateListen = "0A"
	stateClose  = "07"
)

// parse reads a table of TCP or UDP (proc(5)): the local address is the second
// field, the state the fourth, the inode the tenth.
func parse(table io.Reader, protocol string) []socket {
	state := stateListen
	if protocol == "udp" {
		state = stateClose
	}
	var all []socket
	for lines := bufio.NewScanner(table); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) < 10 || f[3] != state {
			continue
		}
		if at, ok := parseAddr(f[1]); ok {
			all = append(all, socket{at, f[9]})
		}
	}
	return all
}

// parseSCTP reads the table of listening SCTP sockets (the kernel's
// net/sctp/proc.c): the port is the sixth field, the inode the eighth, and all
// that follow are the addresses.
func parseSCTP(table io.Reader) []socket {
	var all []socket
	for lines := bufio.NewScanner(table); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) < 9 {
			continue
		}
		port, err := strconv.ParseUint(f[5], 10, 16)
		if err != nil {
			continue // the heading
		}
		for _, addr := range f[8:] {
			if a, err := netip.ParseAddr(addr); err == nil {
				all = append(all, socket{netip.AddrPortFrom(a.Unmap(), uint16(port)), f[7]})
			}
		}
	}
	return all
}

// parseAddr reads "0100007F:1F90": the address in words of the machine, which
// has the lowest byte first, the port as it is said.
func parseAddr(s string) (netip.AddrPort, bool) {
	addr, port, _ := strings.Cut(s, ":")
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil || len(addr)%8 != 0 {
		return netip.AddrPort{}, false
	}
	var b []byte
	for i := 0; i < len(addr); i += 8 {
		word, err := strconv.ParseUint(addr[i:i+8], 16, 32)
		if err != nil {
			return netip.AddrPort{}, false
		}
		b = append(b, byte(word), byte(word>>8), byte(word>>16), byte(word>>24))
	}
	a, ok := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), ok
}

// owner returns the process that has one of the sockets open.
func owner(sockets map[string]bool) (pid string, ok bool) {
	if len(sockets) == 0 {
		return "", false
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return "", false
	}
	for _, p := range processes {
		fds, err := os.ReadDir(filepath.Join(p, "fd"))
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
			continue // not ours to look into, or gone
		}
		for _, fd := range fds {
			target, err := os.Readlink(filepath.Join(p, "fd", fd.Name()))
			if err == nil && sockets[target] {
				return filepath.Base(p), true
			}
		}
	}
	return "", false
}
