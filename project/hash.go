package project

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
)

// hashVersion goes into every hash: it changes when equal specifications would
// otherwise get another hash than before.
const hashVersion = "gocompose/1"

// Hash returns 64 hexadecimal digits that stand for what the service asks for:
// equal for all its replicas, and not touched by what does not count when
// specifications are compared: Needs, Origin, Endpoint.Others, VolumesFrom.ID.
func (c Container) Hash() string {
	if _, derived := c.DerivedName(); derived {
		c.Name = ""
	}
	c.Replica = 0
	c.Needs = nil
	c.Origin = Origin{}
	c.Networks = slices.Clone(c.Networks)
	for i := range c.Networks {
		c.Networks[i].Others = nil
	}
	c.VolumesFrom = slices.Clone(c.VolumesFrom)
	for i := range c.VolumesFrom {
		c.VolumesFrom[i].ID = ""
	}
	// The order of fields is that of the type, maps are sorted by key.
	b, err := json.Marshal(c)
	if err != nil {
		panic(fmt.Sprintf("project: a Container that is no JSON: %v", err))
	}
	sum := sha256.Sum256(append([]byte(hashVersion+"\n"), b...))
	return hex.EncodeToString(sum[:])
}
