package host

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"

	"github.com/containerd/platforms"
)

// binfmtRoot is where the kernel tells of the emulators that it runs foreign
// programs with.
const binfmtRoot = "/proc/sys/fs/binfmt_misc"

// machines are the architectures' numbers in programs' headers (elf(5)), as bytes
// in the order of the architecture.
var machines = map[string][]byte{
	"386": {3, 0}, "amd64": {62, 0}, "arm": {40, 0}, "arm64": {183, 0}, "loong64": {2, 1}, "mips64le": {8, 0},
	"ppc64le": {21, 0}, "riscv64": {243, 0}, "s390x": {0, 22},
}

// native are the architectures that a processor runs beside its own.
var native = map[string][]string{"amd64": {"386"}, "arm64": {"arm"}}

// canRun returns an error when programs of a platform cannot be run here: the
// container would start, and end with its first instruction. What is not known is
// tried.
func canRun(platform, root string) error {
	p, err := platforms.Parse(platform)
	if platform == "" || err != nil || p.Architecture == goruntime.GOARCH || slices.Contains(native[goruntime.GOARCH], p.Architecture) {
		return nil
	}
	machine, known := machines[p.Architecture]
	if !known {
		return nil
	}
	handlers, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking for emulators: %w", err)
	}
	for _, h := range handlers {
		text, err := os.ReadFile(filepath.Join(root, h.Name()))
		if err == nil && handles(string(text), machine) {
			return nil
		}
	}
	return fmt.Errorf("exec format error: its programs are for %s, this machine is %s, and the kernel has no emulator for them: "+
		"install one (packages qemu-user-static and binfmt-support), or use an image for this machine and remove platform",
		platform, platforms.DefaultString())
}

// machineAt is where a program's header has its machine.
const machineAt = 18

// handles tells whether a handler, as the kernel describes it, is enabled and for
// programs of the machine.
func handles(text string, machine []byte) bool {
	enabled, magic := false, []byte(nil)
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch key {
		case "enabled":
			enabled = true
		case "magic":
			magic, _ = hex.DecodeString(value)
		}
	}
	return enabled && len(magic) >= machineAt+2 && slices.Equal(magic[machineAt:machineAt+2], machine)
}
