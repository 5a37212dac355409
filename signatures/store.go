package signatures

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gocompose/gocompose/internal/atomicfile"
)

// Store remembers which digests fulfil which policies: a file for each of both together,
// in a folder. What somebody else could have written there does not count.
type Store struct{ dir string }

// Open returns the store in a folder, which need not be there.
func Open(dir string) Store { return Store{dir} }

// known is what a file says. It stands for nothing else, whatever the file is called.
type known struct {
	Digest string `json:"digest"` // of the image
	Policy string `json:"policy"` // its digest
}

func (s Store) path(k known) string {
	sum := sha256.Sum256([]byte(k.Digest + "\n" + k.Policy))
	return filepath.Join(s.dir, hex.EncodeToString(sum[:])+".json")
}

// Add remembers that the image of a digest fulfils a policy, by the digest of that.
func (s Store) Add(digest, policy string) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	k := known{digest, policy}
	return atomicfile.WriteJSON(s.path(k), k)
}

// Has tells whether that was added.
func (s Store) Has(digest, policy string) (bool, error) {
	k := known{digest, policy}
	f, err := os.OpenFile(s.path(k), os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() || int(stat.Uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return false, fmt.Errorf("%s is not of this user alone: somebody else may have written it; remove it", f.Name())
	}
	var found known
	if err := json.NewDecoder(f).Decode(&found); err != nil {
		return false, nil // half of one is none
	}
	return found == k, nil
}

// Keep forgets all images but those whose digests are given.
func (s Store) Keep(digests map[string]bool) error {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range entries {
		path := filepath.Join(s.dir, e.Name())
		data, err := os.ReadFile(path)
		var k known
		if err == nil && json.Unmarshal(data, &k) == nil && digests[k.Digest] {
			continue
		}
		if err = os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
