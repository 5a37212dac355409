package planner

import (
	"slices"
	"testing"

	"github.com/gocompose/gocompose/project"
)

func TestReasonsOfSecretsAndConfigs(t *testing.T) {
	password := project.File{
		Kind: project.KindSecret, Name: "password", Target: "/run/secrets/password", Mode: 0o444,
		Digest: "one", Path: "/srv/password",
	}
	rotated, elsewhere, owned := password, password, password
	rotated.Digest = "two"
	elsewhere.Target = "/etc/password"
	owned.UID, owned.GID, owned.Mode = 1000, 2000, 0o400
	site := project.File{Kind: project.KindConfig, Name: "site", Target: "/site", Mode: 0o444, External: "www"}

	for name, c := range map[string]struct {
		have, want []project.File
		reasons    []string
	}{
		"the same": {have: []project.File{password, site}, want: []project.File{password, site}},
		"content":  {have: []project.File{password}, want: []project.File{rotated}, reasons: []string{"secrets.password: content changed"}},
		"owner and mode": {have: []project.File{password}, want: []project.File{owned}, reasons: []string{
			"secrets.password: /run/secrets/password uid=0 gid=0 mode=0444 file=/srv/password -> " +
				"/run/secrets/password uid=1000 gid=2000 mode=0400 file=/srv/password"}},
		"at two places": {have: []project.File{password}, want: []project.File{elsewhere, password}, reasons: []string{
			"secrets.password: /run/secrets/password uid=0 gid=0 mode=0444 file=/srv/password -> " +
				"/etc/password uid=0 gid=0 mode=0444 file=/srv/password, /run/secrets/password uid=0 gid=0 mode=0444 file=/srv/password"}},
		"one more":  {want: []project.File{site}, reasons: []string{"configs.site: none -> /site uid=0 gid=0 mode=0444 external=www"}},
		"one fewer": {have: []project.File{site}, reasons: []string{"configs.site: /site uid=0 gid=0 mode=0444 external=www -> none"}},
	} {
		var got []string
		for _, r := range diff(Container{Spec: project.Container{Files: c.have}}, project.Container{Files: c.want}, nil) {
			got = append(got, r.String())
		}
		if !slices.Equal(got, c.reasons) {
			t.Errorf("%s:\ngot  %q\nwant %q", name, got, c.reasons)
		}
	}
}
