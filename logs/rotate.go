package logs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// rotate makes the live file the first of the old ones and begins a new one.
// If the files cannot be renamed, writing goes on in the live file: too long a
// log is better than none.
func (w *Writer) rotate() {
	if len(w.torn) > 0 { // its beginning goes away with the file
		w.torn = nil
		w.lost++
	}
	if w.file == nil { // no new file has been made since the last rotation
		return
	}
	err := errors.Join(w.shift(), w.file.Close())
	w.file, w.size = nil, 0
	if err = errors.Join(err, w.reopen()); err != nil {
		w.cause = err
	}
}

// shift renames log to log.1, log.1 to log.2 and so on, oldest first, and
// removes those that are too many. A gap, left by a writer that died here, ends
// the row and is filled.
func (w *Writer) shift() error {
	keep := max(w.limits.MaxFiles, 1)
	if err := w.removeFrom(keep - 1); err != nil {
		return err
	}
	row := 0
	for ; row < keep-1; row++ {
		_, err := os.Lstat(w.path(row))
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return err
		}
	}
	for i := row - 1; i >= 0; i-- {
		if err := os.Rename(w.path(i), w.path(i+1)); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) path(i int) string { return filepath.Join(w.dir, fileName(i)) }

// removeFrom removes the i-th file and all older ones.
func (w *Writer) removeFrom(i int) error {
	for ; ; i++ {
		err := os.Remove(w.path(i))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
