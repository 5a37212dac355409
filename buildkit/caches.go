package buildkit

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/moby/buildkit/client"
)

// caches are where results of steps are taken from and where they are put, beside
// buildkitd's own cache.
func (s *solve) caches(r Request) error {
	for _, from := range r.Build.CacheFrom {
		entry, err := cache(from)
		if err != nil {
			return fmt.Errorf("build.cache_from: %w", err)
		}
		if _, err := os.Stat(entry.Attrs["src"]); entry.Type == "local" && errors.Is(err, fs.ErrNotExist) {
			continue // there is nothing yet, and BuildKit would make the folder
		}
		s.imports = append(s.imports, entry)
	}
	for _, to := range r.Build.CacheTo {
		entry, err := cache(to)
		if err != nil {
			return fmt.Errorf("build.cache_to: %w", err)
		}
		s.exports = append(s.exports, entry)
	}
	return nil
}

// cache reads "type=local,src=…", or the name of an image.
func cache(text string) (client.CacheOptionsEntry, error) {
	entry := client.CacheOptionsEntry{Attrs: map[string]string{}}
	fields, err := csv.NewReader(strings.NewReader(text)).Read()
	if err != nil {
		return entry, fmt.Errorf("%q: %w", text, err)
	}
	if len(fields) == 1 && !strings.Contains(fields[0], "=") {
		entry.Type, entry.Attrs["ref"] = "registry", fields[0]
		return entry, nil
	}
	for _, field := range fields {
		name, value, ok := strings.Cut(field, "=")
		if !ok {
			return entry, fmt.Errorf("%q: %q is not NAME=value", text, field)
		}
		if name = strings.ToLower(strings.TrimSpace(name)); name == "type" {
			entry.Type = value
		} else {
			entry.Attrs[name] = value
		}
	}
	if entry.Type == "" {
		return entry, fmt.Errorf("%q has no type: begin it with type=local, type=registry, type=inline or another", text)
	}
	fromEnvironment(entry)
	return entry, nil
}

// fromEnvironment adds what services tell their jobs in variables, and what is not
// written into files.
func fromEnvironment(entry client.CacheOptionsEntry) {
	variables := map[string]map[string]string{
		"gha": {"token": "ACTIONS_RUNTIME_TOKEN", "url": "ACTIONS_CACHE_URL", "url_v2": "ACTIONS_RESULTS_URL"},
		"s3":  {"access_key_id": "AWS_ACCESS_KEY_ID", "secret_access_key": "AWS_SECRET_ACCESS_KEY", "session_token": "AWS_SESSION_TOKEN"},
	}
	for attr, variable := range variables[entry.Type] {
		if value := os.Getenv(variable); value != "" && entry.Attrs[attr] == "" {
			entry.Attrs[attr] = value
		}
	}
}

// attestations are what is said about the image beside it. They are of use to who gets it
// from a registry, and provenance has the time of the build in it: so there are none unless
// asked for, and an image of which nothing has changed stays the same.
func (s *solve) attestations(r Request) error {
	for name, value := range map[string]string{"provenance": r.Build.Provenance, "sbom": r.Build.SBOM} {
		switch value {
		case "", "false":
		case "true":
			s.attrs["attest:"+name] = ""
		default:
			s.attrs["attest:"+name] = value
		}
	}
	return nil
}

func (s *solve) attested() bool {
	for name := range s.attrs {
		if strings.HasPrefix(name, "attest:") {
			return true
		}
	}
	return false
}
