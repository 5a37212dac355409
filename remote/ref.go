package remote

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/distribution/reference"
)

// ref is a name of a Compose file elsewhere, taken apart.
type ref struct {
	registry bool
	// where is what Git is told, or the full name of an artifact.
	where string
	// version is a branch, a tag or a commit; empty: the default branch. path is the file
	// in the repository, or its folder.
	version, path string
}

// ociScheme begins the names of artifacts.
const ociScheme = "oci://"

// gitSchemes are those that Git is run for, and no others: some would run programs.
func gitSchemes() []string { return []string{"file", "git", "http", "https", "ssh"} }

var (
	// "git@example.com:shop/app.git"
	scpForm = lazily(`^[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^-\s]\S*$`)
	scheme  = lazily(`^[A-Za-z][A-Za-z0-9+.-]*://`)
	// userPart is that of a URL, also of one that is none.
	userPart = lazily(`://.*@`)
	// commit is a whole one, of either kind of repository.
	commit = lazily(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	// partOf looks like the beginning of one.
	partOf = lazily(`^[0-9a-f]{7,39}$`)
	// version has what a name of a branch may not have (git-check-ref-format).
	badVersion = lazily(`^[-/.]|\.\.|@\{|//|[\x00-\x20\x7f~^:?*\[\\]|[/.]$|\.lock$`)
)

// lazily compiles an expression when it is first used.
func lazily(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

// Accepts tells whether a name is that of a file elsewhere, by its form.
func Accepts(name string) bool {
	base, _, _ := strings.Cut(name, "#")
	return scheme().MatchString(name) || strings.HasPrefix(name, "github.com/") || scpForm().MatchString(base)
}

// IsArtifact tells whether a name that is accepted is that of an artifact in a registry.
func IsArtifact(name string) bool { return strings.HasPrefix(name, ociScheme) }

func parse(name string) (ref, error) {
	if artifact, ok := strings.CutPrefix(name, ociScheme); ok {
		named, err := reference.ParseDockerRef(artifact)
		if err != nil {
			return ref{}, fmt.Errorf("%q is no name of an artifact like oci://registry.example.com/shop:1.0: %w", name, err)
		}
		return ref{registry: true, where: named.String()}, nil
	}
	base, fragment, _ := strings.Cut(name, "#")
	r := ref{where: base}
	r.version, r.path, _ = strings.Cut(fragment, ":")
	if strings.HasPrefix(base, "github.com/") {
		r.where = "https://" + strings.TrimSuffix(base, ".git") + ".git"
	}
	if scheme().MatchString(r.where) {
		if err := r.url(); err != nil {
			return ref{}, err
		}
	}
	return r, r.check()
}

// url looks at a repository's URL, and takes what its query says.
func (r *ref) url() error {
	u, err := url.Parse(r.where)
	if err != nil { // which has parts of it, that may be a password's
		return errors.New("it is no URL: write what is special in a name or a password as %XX")
	}
	switch web := u.Scheme == "http" || u.Scheme == "https"; {
	case !slices.Contains(gitSchemes(), u.Scheme):
		return fmt.Errorf("nothing is fetched by %s: want a Git repository (%s or user@host:path) or an artifact (%s)",
			u.Scheme, strings.Join(gitSchemes(), ", "), ociScheme)
	case web && !strings.HasSuffix(u.Path, ".git"):
		return errors.New("it is no Git repository, whose URL ends in .git: fetch the file yourself, and name the copy")
	case strings.HasPrefix(u.Host, "-"), strings.HasPrefix(u.User.Username(), "-"):
		return errors.New("it has no host that could be asked")
	case !web && password(r.where) != "":
		return fmt.Errorf("nothing is told a password in a URL by %s: leave it out, and use a key", u.Scheme)
	case strings.ContainsAny(u.User.Username()+password(r.where), "\x00\r\n"):
		return errors.New("there is an end of line in its user or password")
	}
	for key, values := range u.Query() {
		switch key {
		case "ref", "branch", "tag", "commit", "checksum":
			r.version = values[0]
		case "subdir":
			r.path = values[0]
		default:
			return fmt.Errorf("%q is not known of a Git repository: ref, branch, tag, commit and subdir are", key)
		}
	}
	u.RawQuery, u.Fragment = "", ""
	r.where = u.String()
	return nil
}

func (r *ref) check() error {
	if r.version != "" && badVersion().MatchString(r.version) {
		return fmt.Errorf("%q is no name of a branch, a tag or a commit", r.version)
	}
	if r.path != "" && (path.IsAbs(r.path) || !filepath.IsLocal(r.path)) {
		return fmt.Errorf("%q leads out of the repository: name a path within it", r.path)
	}
	if r.path = path.Clean(r.path); r.path == "." {
		r.path = ""
	}
	return nil
}

// named returns the name of a version of the same.
func (r ref) named(version string) string {
	name := withoutPassword(r.where)
	if version != "" || r.path != "" {
		name += "#" + version
	}
	if r.path != "" {
		name += ":" + r.path
	}
	return name
}

func password(where string) string {
	u, err := url.Parse(where)
	if err != nil || !scheme().MatchString(where) {
		return ""
	}
	secret, _ := u.User.Password()
	return secret
}

// withoutPassword leaves the password out of a URL, and what may be a token in the
// place of a user.
func withoutPassword(where string) string {
	u, err := url.Parse(where)
	switch {
	case !scheme().MatchString(where):
		return where
	case err != nil:
		return userPart().ReplaceAllString(where, "://")
	case u.User == nil, u.Scheme == "ssh" && password(where) == "":
		return where
	}
	u.User = nil
	return u.String()
}

// Shown returns a name as people may see it.
func Shown(name string) string {
	base, fragment, cut := strings.Cut(name, "#")
	if base = withoutPassword(base); cut {
		base += "#" + fragment
	}
	return base
}
