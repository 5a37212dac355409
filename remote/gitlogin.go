package remote

import (
	"net/url"
)

// The variables by which a password comes to Git. Others see arguments of processes, but
// environments of their own ones only.
const (
	userVariable     = "GOCOMPOSE_GIT_USER"
	passwordVariable = "GOCOMPOSE_GIT_PASSWORD"
)

// loginHelper is a credential helper (gitcredentials(7)) that has them.
const loginHelper = `!f() { test "$1" != get || printf 'username=%s\npassword=%s\n' "$` + userVariable + `" "$` + passwordVariable + `"; }; f`

// login is what Git is told of a repository whose URL has a password.
type login struct {
	url     string   // without it
	options []string // before the command
	env     []string
}

// loginOf takes the password out of a URL. It is for that host alone, as in the URL, and no
// helper of the user's is asked for it, or keeps it.
func loginOf(where string) login {
	u, err := url.Parse(where)
	if err != nil || u.User == nil || !scheme().MatchString(where) {
		return login{url: where}
	}
	secret, has := u.User.Password()
	if !has {
		return login{url: where}
	}
	user := u.User.Username()
	u.User = nil
	helper := "credential." + u.Scheme + "://" + u.Host + ".helper="
	return login{
		url:     u.String(),
		options: []string{"-c", helper, "-c", helper + loginHelper},
		env:     []string{userVariable + "=" + user, passwordVariable + "=" + secret},
	}
}
