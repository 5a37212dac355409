package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// bundles makes n bundles of busybox, by container ID.
func (b *bench) bundles(n int) (map[string]string, error) {
	out := map[string]string{}
	for i := range n {
		id := fmt.Sprintf("bench-%d", i)
		dir := filepath.Join(b.dir, "bundles", id)
		out[id] = dir
		if exists(dir) {
			continue
		}
		if err := b.bundle(dir, id); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (b *bench) bundle(dir, id string) error {
	bin := filepath.Join(dir, "rootfs", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	for _, d := range []string{"proc", "dev", "sys", "etc", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, "rootfs", d), 0o755); err != nil {
			return err
		}
	}
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(bin, "sh"), busybox, 0o755); err != nil {
		return err
	}
	if err := os.Symlink("sh", filepath.Join(bin, "sleep")); err != nil {
		return err
	}
	spec := exec.CommandContext(b.ctx, filepath.Join(b.bin, "runc"), "spec")
	spec.Dir = dir
	if err := spec.Run(); err != nil {
		return fmt.Errorf("runc spec: %w", err)
	}
	return adjust(filepath.Join(dir, "config.json"), id)
}

// adjust makes runc's example specification run the script.
func adjust(path, id string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var config map[string]any
	if err := json.Unmarshal(data, &config); err != nil {
		return err
	}
	process := config["process"].(map[string]any)
	process["terminal"] = false
	process["args"] = []string{"sh", "-c", script}
	process["env"] = []string{"PATH=/bin"}
	config["linux"].(map[string]any)["cgroupsPath"] = "/gocompose-bench/" + id
	if data, err = json.Marshal(config); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}
