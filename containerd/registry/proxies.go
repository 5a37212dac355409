package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Proxies returns the variables, in capital and in small letters, by which programs are to
// find the proxies that Docker's configuration file names for them (`proxies.default`).
func Proxies() (map[string]string, error) {
	text, err := os.ReadFile(CredentialsFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var file struct {
		Proxies map[string]struct{ HTTPProxy, HTTPSProxy, NoProxy, FTPProxy, AllProxy string }
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("reading proxies from %s: %w", CredentialsFile(), err)
	}
	p, out := file.Proxies["default"], map[string]string{}
	for name, value := range map[string]string{
		"HTTP_PROXY": p.HTTPProxy, "HTTPS_PROXY": p.HTTPSProxy, "NO_PROXY": p.NoProxy, "FTP_PROXY": p.FTPProxy, "ALL_PROXY": p.AllProxy,
	} {
		if value != "" {
			out[name], out[strings.ToLower(name)] = value, value
		}
	}
	return out, nil
}
