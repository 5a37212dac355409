package forward

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/shim/options"
)

// journalSocket is where systemd's journal takes entries in its own form
// (https://systemd.io/JOURNAL_NATIVE_PROTOCOL).
const journalSocket = "/run/systemd/journal/socket"

// Priorities of syslog(3), which Docker gives the two streams.
const (
	priorityError = 3
	priorityInfo  = 6
)

func priority(s logs.Stream) int {
	if s == logs.Stderr {
		return priorityError
	}
	return priorityInfo
}

// journal is the host's journal.
type journal struct {
	socket string
	common []byte // fields of every entry
}

func newJournal(c options.Forward) journal {
	j := journal{socket: journalSocket}
	if c.Address != "" {
		j.socket = strings.TrimPrefix(c.Address, "unixgram://")
	}
	for _, key := range slices.Sorted(maps.Keys(c.Fields)) {
		j.common = appendField(j.common, key, []byte(c.Fields[key]))
	}
	return j
}

func (j journal) dial(context.Context) (sender, error) {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: j.socket, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	return &journalSender{UnixConn: conn, common: j.common}, nil
}

type journalSender struct {
	*net.UnixConn
	common []byte
}

// send sends one entry a datagram.
func (j *journalSender) send(batch []Message) (sent int, err error) {
	if err := j.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return 0, err
	}
	for i, m := range batch {
		if err := j.sendOne(j.entry(m)); err != nil {
			return i, err
		}
	}
	return len(batch), nil
}

func (j *journalSender) entry(m Message) []byte {
	b := slices.Clone(j.common)
	b = appendField(b, "MESSAGE", m.Line)
	b = appendField(b, "PRIORITY", strconv.AppendInt(nil, int64(priority(m.Stream)), 10))
	b = appendField(b, "SYSLOG_TIMESTAMP", []byte(m.Time.UTC().Format("2006-01-02T15:04:05.999999999Z07:00")))
	if p := m.Piece; p.Of != 0 {
		b = appendField(b, "CONTAINER_PARTIAL_ID", strconv.AppendUint(nil, p.Of, 16))
		b = appendField(b, "CONTAINER_PARTIAL_ORDINAL", strconv.AppendInt(nil, int64(p.Ordinal), 10))
		b = appendField(b, "CONTAINER_PARTIAL_LAST", strconv.AppendBool(nil, p.Last))
		if !p.Last {
			b = appendField(b, "CONTAINER_PARTIAL_MESSAGE", []byte("true"))
		}
	}
	return b
}

// appendField writes a field: as NAME=value, or with its length where the value has
// a newline.
func appendField(b []byte, name string, value []byte) []byte {
	b = append(b, name...)
	if slices.Contains(value, '\n') {
		b = append(b, '\n')
		b = binary.LittleEndian.AppendUint64(b, uint64(len(value)))
	} else {
		b = append(b, '=')
	}
	return append(append(b, value...), '\n')
}

// sendOne sends an entry, in a file where it is too long for a datagram.
func (j *journalSender) sendOne(entry []byte) error {
	_, err := j.Write(entry)
	if !errors.Is(err, unix.EMSGSIZE) && !errors.Is(err, unix.ENOBUFS) {
		return err
	}
	fd, err := unix.MemfdCreate("journal-entry", unix.MFD_ALLOW_SEALING|unix.MFD_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("memfd_create", err)
	}
	file := os.NewFile(uintptr(fd), "journal-entry")
	defer file.Close()
	if _, err := file.Write(entry); err != nil {
		return err
	}
	const seals = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(file.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	return j.sendFile(file)
}

// sendFile sends a datagram that has a file and no bytes, which the standard library
// does not on a connection.
func (j *journalSender) sendFile(f *os.File) error {
	raw, err := j.SyscallConn()
	if err != nil {
		return err
	}
	rights := unix.UnixRights(int(f.Fd()))
	var sent error
	err = raw.Write(func(fd uintptr) bool {
		sent = unix.Sendmsg(int(fd), nil, rights, nil, 0)
		return !errors.Is(sent, unix.EAGAIN)
	})
	return errors.Join(err, sent)
}
