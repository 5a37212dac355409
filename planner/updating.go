package planner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/project"
)

// noteUpdates says which of the services that the plan replaces containers of were
// to be updated in a way that is not followed.
func (u *up) noteUpdates() {
	replaced := map[string]bool{}
	for _, r := range u.wanted {
		replaced[r.want.Service] = replaced[r.want.Service] || r.replaces()
	}
	var names []string
	var ids []project.ID
	for _, s := range u.project.Services {
		if replaced[s.Name] && (s.Update != nil || s.Rollback != nil) {
			names = append(names, s.Name)
			ids = append(ids, project.ID{Kind: project.KindService, Name: s.Name})
		}
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	u.notice(fmt.Sprintf("deploy.update_config and rollback_config of %s are not followed yet: of each service all replacements are made, "+
		"and then take the places of the old containers", strings.Join(names, ", ")), ids...)
}
