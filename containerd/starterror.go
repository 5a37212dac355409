package containerd

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/containerd/errdefs"
)

// StartError says why a container's program could not be run.
type StartError struct {
	// ExitCode is what Docker gives such a container: 126 for a program that
	// may not be run, 127 for one that is not there, 128 for all else.
	ExitCode int
	// Reason is for people: what is wrong, and what to look at.
	Reason string
}

func (e *StartError) Error() string { return e.Reason }

// Layers that put their own words before the runtime's.
const noise = `^(failed to create task|failed to create shim task|failed to start shim|OCI runtime (create|start|exec) failed|` +
	`runc create failed|runc start failed|exec failed|unable to start container process|error during container init|` +
	`unable to apply cgroup configuration|rpc error: code = \w+ desc =|cannot start a container that has stopped): `

// unknownFailure is Docker's exit code of a container that could not be started
// for another reason than its program.
const unknownFailure = 128

// startError turns the runtime's error into a *StartError, as far as it is
// about the container's program or specification; others it returns as they are.
func startError(err error) error {
	code, reason, ok := startFailure(err)
	switch {
	case !ok:
		return err
	case code == unknownFailure:
		return &StartError{code, reason}
	}
	return &StartError{code, reason + ": check command and entrypoint"}
}

// startFailure says why a program could not be run, unless it is not to blame.
func startFailure(err error) (code int, reason string, ok bool) {
	text := err.Error()
	if !strings.Contains(text, "OCI runtime") || errdefs.IsCanceled(err) || errdefs.IsDeadlineExceeded(err) {
		return 0, "", false
	}
	prefix := regexp.MustCompile(noise)
	for prefix.MatchString(text) {
		text = prefix.ReplaceAllString(text, "")
	}
	text = strings.TrimSuffix(strings.TrimSpace(text), ": unknown")
	program, cause, ok := execFailure(text)
	switch {
	case !ok:
		return unknownFailure, text, true
	case strings.Contains(cause, "not found in $PATH"):
		return 127, fmt.Sprintf("executable %q not found in the image's PATH", program), true
	case strings.Contains(cause, "no such file or directory"):
		return 127, fmt.Sprintf("executable %q not found in the image", program), true
	case strings.Contains(cause, "permission denied"):
		return 126, fmt.Sprintf("%q may not be executed: permission denied", program), true
	case strings.Contains(cause, "is a directory"):
		return 126, fmt.Sprintf("%q is a folder", program), true
	}
	return 126, fmt.Sprintf("running %q: %s", program, cause), true
}

// execFailure takes runc's `exec: "foo": cause` apart.
func execFailure(text string) (program, cause string, ok bool) {
	m := regexp.MustCompile(`exec:? "([^"]*)": (.*)$`).FindStringSubmatch(text)
	if m == nil {
		return "", "", false
	}
	return m[1], m[2], true
}
