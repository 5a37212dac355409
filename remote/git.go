package remote

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// answer is how long a repository may take to say which commit something is.
const answer = time.Minute

// defaultNames are those that a folder's Compose file may have, best first.
func defaultNames() []string {
	return []string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"}
}

// git returns the copy of a file in a repository. Whole commits are not asked for when
// they are here.
func (f *Files) git(ctx context.Context, r ref) (Copy, error) {
	g := &git{where: r.where, login: loginOf(r.where), terminal: f.Terminal}
	id := r.version
	if !commit().MatchString(id) {
		var err error
		if id, err = g.resolve(ctx, cmp.Or(r.version, "HEAD")); err != nil {
			return Copy{}, err
		}
	}
	dir, err := f.keep(ctx, "git", id, func(dir string) error { return f.checkOut(ctx, g, id, dir) })
	if err != nil {
		return Copy{}, err
	}
	file, err := composeFile(filepath.Join(dir, filesFolder), r.path)
	if err != nil {
		return Copy{}, err
	}
	c := copyAt(dir, file)
	c.Pinned, c.Source = r.named(id), r.named("")
	return c, nil
}

// composeFile returns the Compose file that a path means: it or, in a folder, the one with
// a usual name. No link in root leads out of it.
func composeFile(root, path string) (string, error) {
	info, err := os.Stat(filepath.Join(root, path))
	if err != nil {
		return "", fmt.Errorf("there is no %s in this version of the repository", path)
	}
	if !info.IsDir() {
		return path, nil
	}
	for _, name := range defaultNames() {
		file := filepath.Join(path, name)
		if info, err := os.Stat(filepath.Join(root, file)); err == nil && info.Mode().IsRegular() {
			return file, nil
		}
	}
	where := "it"
	if path != "" {
		where = "its folder " + path
	}
	return "", fmt.Errorf("there is no Compose file in %s: looked for %s; name another after the #, as in #main:deploy/app.yaml",
		where, strings.Join(defaultNames(), ", "))
}

// checkOut writes the files of a commit, twice, and nothing of the repository beside them.
func (f *Files) checkOut(ctx context.Context, g *git, id, dir string) error {
	repo := filepath.Join(dir, "repository")
	if err := g.fetch(ctx, repo, id); err != nil {
		return err
	}
	for _, folder := range []string{filesFolder, mountsFolder} {
		to := filepath.Join(dir, folder)
		if err := g.write(ctx, repo, id, to); err != nil {
			return err
		}
		out, err := removeEscapes(to)
		if err != nil {
			return err
		}
		if folder == filesFolder && len(out) > 0 {
			f.warn(fmt.Sprintf("%s: links that lead out of the repository are left out: %s", withoutPassword(g.where), strings.Join(out, ", ")))
		}
	}
	return os.RemoveAll(repo)
}

// resolve asks a repository for the commit of a branch or a tag.
func (g *git) resolve(ctx context.Context, version string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answer, fmt.Errorf("the repository has not answered for %s", answer))
	defer cancel()
	out, err := g.run(ctx, "ls-remote", "--quiet", "--", g.login.url, version, version+"^{}")
	if err != nil {
		return "", err
	}
	refs := map[string]string{}
	for line := range strings.Lines(out) {
		if id, name, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && commit().MatchString(id) {
			refs[name] = id
		}
	}
	// The order is Git's own (gitrevisions(7)); of an annotated tag its commit counts.
	for _, name := range []string{version, "refs/" + version, "refs/tags/" + version, "refs/heads/" + version} {
		for _, name := range []string{name + "^{}", name} {
			if id, ok := refs[name]; ok {
				return id, nil
			}
		}
	}
	hint := ""
	if partOf().MatchString(version) {
		hint = "; a commit is named with all of its digits"
	}
	if version == "HEAD" {
		return "", errors.New("the repository has no default branch: name one after the #")
	}
	return "", fmt.Errorf("the repository has no branch and no tag %q%s", version, hint)
}

// fetch makes a repository that has a commit. Servers that give no commit by its own name
// are asked for all that there is.
func (g *git) fetch(ctx context.Context, repo, id string) error {
	make := []string{"init", "--quiet", "--bare", "--template="}
	if len(id) == sha256.Size*2 {
		make = append(make, "--object-format=sha256")
	}
	if _, err := g.run(ctx, append(make, "--", repo)...); err != nil {
		return err
	}
	in := g.in(repo)
	if _, err := in.run(ctx, "config", "remote.origin.url", g.login.url); err != nil { // for filters, which ask it
		return err
	}
	var first error
	for _, how := range [][]string{
		{"--depth=1", "--no-tags", "--", g.login.url, id},
		{"--no-tags", "--", g.login.url, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"},
	} {
		_, err := in.run(ctx, append([]string{"fetch", "--quiet", "--no-recurse-submodules"}, how...)...)
		if err == nil {
			if _, err = in.run(ctx, "cat-file", "-e", id+"^{commit}"); err == nil {
				return nil
			}
			err = fmt.Errorf("the repository has no commit %s", id)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// write writes the files of a commit into a folder. No hook is run.
func (g *git) write(ctx context.Context, repo, id, dir string) error {
	in := g.in(repo, "--work-tree="+dir)
	in.dir = dir
	if _, err := in.run(ctx, "read-tree", id+"^{commit}"); err != nil {
		return err
	}
	_, err := in.run(ctx, "checkout-index", "--all", "--force", "--quiet")
	return err
}
