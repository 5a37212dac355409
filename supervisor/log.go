package supervisor

import (
	"io"
	"os"
)

// maxLog is the size in bytes above which the log is emptied.
const maxLog = 1 << 20

// boundedLog writes to a file that was opened to be appended to, and empties it
// when it has grown too long. What is not a regular file has no length.
type boundedLog struct{ *os.File }

func (l boundedLog) Write(p []byte) (int, error) {
	if info, err := l.Stat(); err == nil && info.Mode().IsRegular() && info.Size() > maxLog {
		if err := l.Truncate(0); err != nil {
			return 0, err
		}
	}
	return l.File.Write(p)
}

func defaultLog() io.Writer { return boundedLog{os.Stderr} }
