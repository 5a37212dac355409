package containerd

import (
	"context"
	"errors"
	"testing"
)

func TestStartErrorsSayWhatIsWrong(t *testing.T) {
	const runc = "failed to create task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: "
	for _, tt := range []struct {
		from, want string
		code       int
	}{
		{runc + `exec: "foo": executable file not found in $PATH: unknown`,
			`executable "foo" not found in the image's PATH: check command and entrypoint`, 127},
		{runc + `exec: "/foo": stat /foo: no such file or directory`,
			`executable "/foo" not found in the image: check command and entrypoint`, 127},
		{runc + `exec: "/etc/passwd": permission denied`,
			`"/etc/passwd" may not be executed: permission denied: check command and entrypoint`, 126},
		{runc + `exec: "/etc": is a directory: unknown`,
			`"/etc" is a folder: check command and entrypoint`, 126},
		{runc + `error mounting "/x" to rootfs at "/y": not a directory: unknown`,
			`error mounting "/x" to rootfs at "/y": not a directory`, 128},
	} {
		var got *StartError
		if !errors.As(startError(errors.New(tt.from)), &got) {
			t.Errorf("%s: no *StartError", tt.from)
			continue
		}
		if got.Reason != tt.want || got.ExitCode != tt.code {
			t.Errorf("%s:\n got %d %s\nwant %d %s", tt.from, got.ExitCode, got.Reason, tt.code, tt.want)
		}
	}
}

func TestErrorsOfOtherKindsStayAsTheyAre(t *testing.T) {
	for _, err := range []error{context.Canceled, errors.New("container x: not found")} {
		if got := startError(err); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
}
