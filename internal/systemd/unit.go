// Package systemd has the service manager of a machine bring containers back at
// boot, and stop them in good order at shutdown.
//
// The unit only runs two commands; nothing of ours lives in it. Engine, shims
// and containers have cgroups below the root of each hierarchy, beside the
// slices of systemd, and the supervisor is in the root itself, because they
// outlive whoever started them, which may be a login as well as the unit. On
// version 2 of cgroups systemd says that a hierarchy has one writer per subtree
// and that the root is its own: it leaves alone what it did not make there, and
// a controller that it would rather turn off at the root stays on while a cgroup
// of ours uses it (the kernel answers EBUSY, which systemd takes for an answer).
// The root may hold processes beside children; no other cgroup may. What is lost
// is that systemd-cgls shows them outside of the unit, and that the unit's own
// limits do not bound them. Where moving is refused, they stay in the unit's
// cgroup, which is why the unit delegates it and kills nothing in it.
package systemd

import (
	"fmt"
	"strings"
)

// Name is the unit's.
const Name = "gocompose.service"

// Unit is what the unit has to know.
type Unit struct {
	// Program is the absolute path of gocompose.
	Program string
	// Address is another containerd's than our own; empty: our own.
	Address string
	// Env is the environment of the commands beside systemd's own: "NAME=value".
	Env []string
	// Folders must be mounted before containers can start, and until they have
	// ended.
	Folders []string
}

// String is the unit's file.
func (u Unit) String() string { return u.text(true) }

// withoutStop is a unit whose end leaves the containers running.
func (u Unit) withoutStop() string { return u.text(false) }

func (u Unit) text(stops bool) string {
	var b strings.Builder
	b.WriteString("# Written by `gocompose system install`, which writes it anew; `gocompose system uninstall` removes it.\n" +
		"# Changes of your own: systemctl edit gocompose\n\n")
	b.WriteString("[Unit]\nDescription=Containers of gocompose\n")
	fmt.Fprintf(&b, "Wants=network-online.target%s\n", u.engine())
	b.WriteString("# Who loads rules for the packet filter at boot flushes those of others.\n")
	fmt.Fprintf(&b, "After=network-online.target nss-lookup.target remote-fs.target time-set.target"+
		" nftables.service firewalld.service ufw.service%s\n", u.engine())
	fmt.Fprintf(&b, "RequiresMountsFor=%s\n", quoteAll(u.Folders))
	b.WriteString("\n[Service]\nType=oneshot\nRemainAfterExit=yes\n")
	for _, env := range u.Env {
		fmt.Fprintf(&b, "Environment=%s\n", quote(env))
	}
	b.WriteString("# A unit that fails is not stopped at shutdown: a project that does not come up must not cost the\n" +
		"# others their orderly end. What went wrong is in the journal.\n")
	fmt.Fprintf(&b, "ExecStart=%s system start\n", u.command("-"))
	if stops {
		b.WriteString("# Unlike ExecStop= it also runs when the machine goes down while the start is under way.\n")
		fmt.Fprintf(&b, "ExecStopPost=%s system stop --containers\n", u.command(""))
	}
	b.WriteString("# Processes that could not leave the unit's cgroup live on in it.\n" +
		"KillMode=process\nDelegate=yes\nTasksMax=infinity\n")
	b.WriteString("# Containers wait for each other's health, and have their own time to stop.\n" +
		"TimeoutStartSec=infinity\nTimeoutStopSec=15min\n")
	b.WriteString("\n[Install]\nWantedBy=multi-user.target\n")
	return b.String()
}

// command is how the program is run, but for its subcommand. The prefix belongs
// to the first word.
func (u Unit) command(prefix string) string {
	program := quote(prefix + u.Program)
	if u.Address == "" {
		return program
	}
	// What looks like a variable would be taken for one, but for in the program.
	return program + " --address " + strings.ReplaceAll(quote(u.Address), "$", "$$")
}

// engine is the unit of another containerd, when that is used. Its name is
// containerd's own, which all distributions have.
func (u Unit) engine() string {
	if u.Address == "" {
		return ""
	}
	return " containerd.service"
}

func quoteAll(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quote(w)
	}
	return strings.Join(quoted, " ")
}

// plain are the characters that mean nothing to systemd, and two that quotation
// marks do not help with.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+=:,@%$"

// quote writes a word as systemd.syntax(7) and systemd.unit(5) have it: as a
// whole in quotation marks when need be, with C's escapes, and with the sign of
// specifiers doubled.
func quote(s string) string {
	s = strings.ReplaceAll(s, "%", "%%")
	special := func(r rune) bool { return !strings.ContainsRune(plain, r) }
	if s != "" && !strings.ContainsFunc(s, special) {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(s) {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20 || c == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
