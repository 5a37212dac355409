package passage

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"

	"github.com/mdlayher/netlink"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// lockDir holds the lock of iptables-legacy, which it takes for all that it does.
const (
	lockDir  = "/run"
	lockFile = "xtables.lock"
)

// Watch returns a channel that gets a value whenever the nftables rules or the
// set of links of the calling thread's network namespace have changed, or
// iptables-legacy has run anywhere. What changes all the time and is our own,
// elements of our sets and ends of containers' links, does not count. Values that nobody has taken become one;
// one may come although nothing has changed. The channel is closed when ctx
// ends or the kernel tells no more.
func Watch(ctx context.Context) (<-chan struct{}, error) {
	w := &watch{changes: make(chan struct{}, 1)}
	err := errors.Join(
		w.listen(unix.NETLINK_NETFILTER, unix.NFNLGRP_NFTABLES, nil, otherRules),
		w.listen(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK, noContainerLinks(), otherLinks()),
		w.listenToLegacy(),
	)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("watching the kernel's packet filter: %w", err), w.close())
	}
	go w.run(ctx)
	return w.changes, nil
}

type watch struct {
	changes chan struct{}
	sources []source
}

// source waits for something to happen, and tells whether it is a change.
type source struct {
	next  func() (bool, error)
	close func() error
}

// run reads all sources until ctx ends or one of them breaks.
func (w *watch) run(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var readers sync.WaitGroup
	for _, s := range w.sources {
		readers.Go(func() {
			defer stop()
			for {
				is, err := s.next()
				if err != nil {
					return
				}
				if is {
					w.tell()
				}
			}
		})
	}
	<-ctx.Done()
	_ = w.close() // nothing was written
	readers.Wait()
	close(w.changes)
}

func (w *watch) tell() {
	select {
	case w.changes <- struct{}{}:
	default: // the one that is in there stands for this one too
	}
}

func (w *watch) close() (err error) {
	for _, s := range w.sources {
		err = errors.Join(err, s.close())
	}
	return err
}

// listen adds a source: messages of the group that the filter, if there is one, has
// let through.
func (w *watch) listen(family int, group uint32, filter []bpf.Instruction, is func([]netlink.Message) bool) error {
	c, err := netlink.Dial(family, nil)
	if err != nil {
		return err
	}
	if filter != nil {
		program, err := bpf.Assemble(filter)
		if err == nil {
			err = c.SetBPF(program)
		}
		if err != nil {
			return errors.Join(err, c.Close())
		}
	}
	w.sources = append(w.sources, source{close: c.Close, next: func() (bool, error) {
		ms, err := c.Receive()
		if errors.Is(err, unix.ENOBUFS) { // some were lost
			return true, nil
		}
		return err == nil && is(ms), err
	}})
	return c.JoinGroup(group)
}

// otherRules tells of messages whether one is about more than elements of sets of
// our tables.
func otherRules(ms []netlink.Message) bool {
	for _, m := range ms {
		switch kind := uint16(m.Header.Type) & 0xff; kind {
		case unix.NFT_MSG_NEWGEN: // comes at the end of every change
		case unix.NFT_MSG_NEWSETELEM, unix.NFT_MSG_DELSETELEM:
			if table, ok := tableOf(m); !ok || !ours(chain{table: table}) {
				return true
			}
		default:
			return true
		}
	}
	return false
}

// tableOf returns the name of the table that a message about elements is about.
func tableOf(m netlink.Message) (string, bool) {
	if len(m.Data) < sizeofNfgenmsg {
		return "", false
	}
	ad, err := netlink.NewAttributeDecoder(m.Data[sizeofNfgenmsg:])
	if err != nil {
		return "", false
	}
	for ad.Next() {
		if ad.Type() == unix.NFTA_SET_ELEM_LIST_TABLE {
			return ad.String(), true
		}
	}
	return "", false
}

// sizeofNfgenmsg is the size of the header before the attributes (struct nfgenmsg).
const sizeofNfgenmsg = 4

// listenToLegacy waits for others to let go of the lock of iptables-legacy: the
// kernel does not tell of changes to legacy tables.
func (w *watch) listenToLegacy() error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return fmt.Errorf("opening inotify: %w", err)
	}
	f := os.NewFile(uintptr(fd), "inotify")
	buf := make([]byte, 4096)
	w.sources = append(w.sources, source{close: f.Close, next: func() (bool, error) {
		n, err := f.Read(buf)
		return about(buf[:max(n, 0)], lockFile), err
	}})
	_, err = unix.InotifyAddWatch(fd, lockDir, unix.IN_CLOSE)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // then iptables-legacy does not work either
	}
	return err
}

// about tells whether one of the events is about the file, or tells of lost
// ones.
func about(events []byte, file string) bool {
	for len(events) >= unix.SizeofInotifyEvent {
		mask := binary.NativeEndian.Uint32(events[4:])
		end := min(len(events), unix.SizeofInotifyEvent+int(binary.NativeEndian.Uint32(events[12:])))
		if mask&unix.IN_Q_OVERFLOW != 0 || strings.TrimRight(string(events[unix.SizeofInotifyEvent:end]), "\x00") == file {
			return true
		}
		events = events[end:]
	}
	return false
}
