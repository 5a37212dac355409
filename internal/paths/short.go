package paths

import (
	"crypto/sha256"
	"encoding/hex"
)

// Short returns eight hexadecimal digits that stand for s: for names with a
// limit on their length, such as those of bridges and cgroups.
func Short(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:4])
}
