package planner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/project"
)

// noteOtherFolders says of those of the containers that files in other folders
// made: two projects of one name take each other's containers for their own.
// While nothing happens to any there is nothing to say; files may move.
func (b *builder) noteOtherFolders(touched []instance) {
	here := b.folder()
	if here == "" {
		return
	}
	var folders []string
	var ids []project.ID
	for _, c := range touched {
		if from := c.Spec.Origin.Folder(); from != "" && from != here {
			folders = append(folders, from)
			ids = append(ids, c.target)
		}
	}
	if len(ids) == 0 {
		return
	}
	slices.Sort(folders)
	slices.SortFunc(ids, func(x, y project.ID) int { return compareNatural(x.String(), y.String()) })
	b.notice(fmt.Sprintf("project %q has containers made from files in %s, and these files are in %s. If they are two projects, give one another name: -p, COMPOSE_PROJECT_NAME, or name: in the file",
		b.project.Name, strings.Join(slices.Compact(folders), ", "), here), ids...)
}

// folder is where the project's files are; empty when it is not made from files.
func (b *builder) folder() string {
	for _, s := range b.project.Services {
		if dir := s.Template.Origin.Folder(); dir != "" {
			return dir
		}
	}
	return ""
}
