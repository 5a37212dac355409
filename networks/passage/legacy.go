package passage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// legacy is iptables-legacy for one version of IP.
type legacy struct {
	program string // restores tables, of the legacy variant whatever its name
	generic string // restores tables, of the one or the other
	listed  string // where the kernel lists the tables in use
	layout  layout
}

var legacies = []legacy{
	{"iptables-legacy-restore", "iptables-restore", "/proc/thread-self/net/ip_tables_names", layoutIPv4},
	{"ip6tables-legacy-restore", "ip6tables-restore", "/proc/thread-self/net/ip6_tables_names", layoutIPv6},
}

// applyToLegacy does it in the tables of iptables-legacy that are in use.
func (g goal) applyToLegacy(ctx context.Context) (changed bool, err error) {
	var errs []error
	for _, l := range legacies {
		did, err := g.applyTo(ctx, l)
		changed = changed || did
		errs = append(errs, err)
	}
	return changed, errors.Join(errs...)
}

func (g goal) applyTo(ctx context.Context, l legacy) (changed bool, err error) {
	names, err := os.ReadFile(l.listed)
	if errors.Is(err, fs.ErrNotExist) { // a kernel without
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !slices.Contains(strings.Fields(string(names)), "filter") {
		return false, nil
	}
	chains, err := l.layout.read()
	if err != nil {
		return false, fmt.Errorf("reading the filter table of iptables-legacy: %w", err)
	}
	script := g.script(chains)
	if script == "" {
		return false, nil
	}
	if err := l.restore(ctx, script); err != nil {
		return false, err
	}
	return true, nil
}

// script returns what makes the table as it should be, for iptables-restore, or
// "" when it is so.
func (g goal) script(chains map[string][]string) string {
	jump := "-j " + chainName
	jumps := 0
	for _, rule := range chains["FORWARD"] {
		if rule == jump {
			jumps++
		}
	}
	rules, there := chains[chainName]
	var b strings.Builder
	fmt.Fprintf(&b, "*filter\n:%s - [0:0]\n", chainName) // made, or emptied
	drop := strings.Repeat("-D FORWARD "+jump+"\n", jumps)
	if g.remove {
		if !there {
			return ""
		}
		fmt.Fprintf(&b, "%s-X %s\nCOMMIT\n", drop, chainName)
		return b.String()
	}
	want := g.lines()
	if jumps == 1 && chains["FORWARD"][0] == jump && slices.Equal(rules, want) {
		return ""
	}
	for _, rule := range want {
		fmt.Fprintf(&b, "-A %s %s\n", chainName, rule)
	}
	fmt.Fprintf(&b, "%s-I FORWARD 1 %s\nCOMMIT\n", drop, jump)
	return b.String()
}

// lines are the rules of our chain, as iptables writes them.
func (g goal) lines() (lines []string) {
	for _, p := range g.rules() {
		lines = append(lines, line(pattern(p.in), pattern(p.out), targets[p.kind]))
	}
	return lines
}

// pattern is how iptables writes links. A name of full length has nothing behind
// it.
func pattern(link string) string {
	begins, ok := strings.CutSuffix(link, every)
	if !ok || len(begins) == unix.IFNAMSIZ-1 {
		return begins
	}
	return begins + "+"
}

var targets = map[expr.VerdictKind]string{expr.VerdictAccept: "ACCEPT", expr.VerdictReturn: "RETURN"}

func line(in, out, target string) string {
	if in != "" {
		in = "-i " + in + " "
	}
	if out != "" {
		out = "-o " + out + " "
	}
	return in + out + "-j " + target
}

// restore has the program carry out the script: all of it, or nothing.
func (l legacy) restore(ctx context.Context, script string) error {
	program, err := l.find(ctx)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, "--wait", "--noflush")
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	err = fmt.Errorf("running %s: %w: %s", program, err, bytes.TrimSpace(out))
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) { // a rule to be deleted may be gone
		return errors.Join(errMoved, err)
	}
	return err
}

// find returns the path of the program that restores legacy tables.
func (l legacy) find(ctx context.Context) (string, error) {
	if path, err := lookPath(l.program); err == nil {
		return path, nil
	}
	if path, err := lookPath(l.generic); err == nil {
		// Of old, and where there is only the one variant, it does not say which.
		version, err := exec.CommandContext(ctx, path, "--version").Output()
		if err == nil && !bytes.Contains(version, []byte("nf_tables")) {
			return path, nil
		}
	}
	return "", fmt.Errorf("iptables-legacy filters packets here (%s lists the table filter) and may drop those of containers, "+
		"but %s is missing: install the package iptables, or end the use of the legacy tables", l.listed, l.program)
}

// lookPath looks where daemons of the system look too.
func lookPath(program string) (path string, err error) {
	if path, err = exec.LookPath(program); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		if path, err = exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path, nil
		}
	}
	return "", err
}
