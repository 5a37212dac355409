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
	for _, family := range []string{"", "6"} {
		// A kernel without IPv6 has no such table.
		f, err := os.Open("/proc/thread-self/net/" + protocol + family)
		if err != nil {
			continue
		}
		for _, s := range parse(f, protocol) {
			if s.at.Port() == at.Port() && overlap(s.at.Addr(), at.Addr()) {
				inodes["socket:["+s.inode+"]"] = true
			}
		}
		_ = f.Close() // only read
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

// socket is one line of /proc/net/tcp, tcp6, udp or udp6 (proc(5)).
type socket struct {
	at    netip.AddrPort
	inode string
}

// States of a socket in these tables: a listening one of TCP, one of UDP that
// has no peer.
const (
	stateListen = "0A"
	stateClose  = "07"
)

// parse reads a table: the local address is the second field, the state the
// fourth, the inode the tenth.
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
