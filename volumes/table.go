package volumes

import (
	"os"
	"path/filepath"
	"strings"
)

// mountsIn returns where something is mounted: dir itself, as often as there is
// something on it, and what lies below.
func mountsIn(dir string) ([]string, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	return parseTable(string(table), dir), nil
}

// parseTable reads mountinfo (proc_pid_mountinfo(5)), whose fifth column is it.
func parseTable(table, dir string) []string {
	var found []string
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 5 {
			continue
		}
		at := unescape(f[4])
		if at == dir || strings.HasPrefix(at, strings.TrimSuffix(dir, "/")+"/") {
			found = append(found, at)
		}
	}
	return found
}

// unescape resolves mountinfo's octal escapes: "\040" is a space.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
