package networks

import (
	"errors"
	"fmt"
	"sync"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// doomed is the group (IFLA_GROUP, "goco") of links that are about to be
// deleted. Whoever deletes it deletes for all who have put a link there.
const doomed = 0x676f636f

// linkRemover removes links. One takes the kernel some 20 ms, in which it
// removes no other, but many at once take it no longer: so what is asked for
// while it is busy is removed together.
type linkRemover struct {
	mu   sync.Mutex
	next *removal // takes in more; nil: the next to come begins one
	busy sync.Mutex
}

// removal is links that are removed together.
type removal struct {
	names []string
	done  chan struct{} // closed when err is what it came to
	err   error
}

// remove removes links by name, and returns when they are gone. No such link is
// no error.
func (r *linkRemover) remove(names []string) error {
	if len(names) == 0 {
		return nil
	}
	mine, begun := r.join(names)
	if !begun {
		<-mine.done
		return mine.err
	}
	r.busy.Lock() // meanwhile others join
	defer r.busy.Unlock()
	r.mu.Lock()
	r.next = nil
	r.mu.Unlock()
	mine.err = removeLinks(mine.names)
	close(mine.done)
	return mine.err
}

// join adds to the next removal, and tells whether that begins with it.
func (r *linkRemover) join(names []string) (_ *removal, begun bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == nil {
		r.next = &removal{done: make(chan struct{})}
		begun = true
	}
	r.next.names = append(r.next.names, names...)
	return r.next, begun
}

func removeLinks(names []string) error {
	if len(names) == 1 {
		return removeLink(names[0])
	}
	h, err := openLinks()
	if err != nil {
		return err
	}
	defer h.Close()
	for _, name := range names {
		link, err := h.LinkByName(name)
		if err == nil {
			err = h.LinkSetGroup(link, doomed)
		}
		if err != nil && !isNoDevice(err) {
			return fmt.Errorf("removing the link %s: %w", name, err)
		}
	}
	return removeGroup()
}

// removeGroup deletes all links that are doomed, perhaps none.
func removeGroup() error {
	req := nl.NewNetlinkRequest(unix.RTM_DELLINK, unix.NLM_F_ACK)
	req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	req.AddData(nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(doomed)))
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	if err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("removing links: %w", err)
	}
	return nil
}
