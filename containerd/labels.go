package containerd

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gocompose/gocompose/project"
)

// Labels of containers. The com.docker.compose names are Docker Compose's:
// other tools read them. What gocompose itself needs to know is in the Record;
// it only finds containers by labels.
const (
	labelProject   = "com.docker.compose.project"
	labelService   = "com.docker.compose.service"
	labelNumber    = "com.docker.compose.container-number"
	labelOneoff    = "com.docker.compose.oneoff"
	labelSlug      = "com.docker.compose.slug"
	labelHash      = "com.docker.compose.config-hash"
	labelImage     = "com.docker.compose.image"
	labelDependsOn = "com.docker.compose.depends_on"
	labelDir       = "com.docker.compose.project.working_dir"
	labelFiles     = "com.docker.compose.project.config_files"
	labelEnvFiles  = "com.docker.compose.project.environment_file"
	labelVersion   = "com.docker.compose.version"
	labelName      = "dev.gocompose.name"
)

// maxLabel is containerd's limit for the bytes of a label's key and value.
const maxLabel = 4096

// labels returns the labels of a container: those of its image, over them the user's,
// and over both ours.
//
// Those that containerd would refuse for their length are left out, and so are
// those by which the user would speak to containerd itself, whose garbage
// collector and restart monitor act on labels. The user's are in the Record.
func labels(c project.Container, image Image, version string) map[string]string {
	all := map[string]string{}
	maps.Copy(all, image.Config.Labels)
	maps.Copy(all, c.Labels)
	maps.DeleteFunc(all, func(key, _ string) bool {
		return key == "" || strings.HasPrefix(key, "containerd.io/") || strings.HasPrefix(key, "io.containerd.")
	})
	maps.Copy(all, map[string]string{
		labelProject:   c.Project,
		labelService:   c.Service,
		labelNumber:    strconv.Itoa(c.Replica),
		labelOneoff:    "False",
		labelHash:      c.Hash(),
		labelImage:     image.Digest,
		labelDependsOn: dependsOn(c.Needs),
		labelDir:       c.Origin.WorkingDir,
		labelFiles:     strings.Join(c.Origin.ConfigFiles, ","),
		labelVersion:   version,
		labelName:      c.Name,
	})
	if c.Role != "" {
		all[labelOneoff] = "True"
	}
	delete(all, labelSlug)
	if c.OneOff() {
		all[labelSlug] = c.Slug()
		delete(all, labelNumber)
	}
	delete(all, labelEnvFiles)
	if len(c.Origin.EnvFiles) > 0 {
		all[labelEnvFiles] = strings.Join(c.Origin.EnvFiles, ",")
	}
	maps.DeleteFunc(all, func(key, value string) bool { return len(key)+len(value) > maxLabel })
	return all
}

// dependsOn writes dependencies in Docker Compose's form:
// "db:service_healthy:false,cache:service_started:true".
func dependsOn(needs []project.Need) string {
	words := make([]string, len(needs))
	for i, n := range needs {
		words[i] = n.Service + ":" + string(n.Condition) + ":" + strconv.FormatBool(n.Restart)
	}
	slices.Sort(words)
	return strings.Join(words, ",")
}
