package forward

import (
	"context"
	"sync"
)

// batchSize bounds the bytes of lines that are sent at once.
const batchSize = 64 << 10

// queue is a buffer of messages with a bound. Who puts never waits: what does not
// fit is counted.
type queue struct {
	limit int64

	mu     sync.Mutex
	list   []Message
	size   int64 // of list, and of what was taken and not yet sent
	taken  int64
	lost   int
	closed bool
	wake   chan struct{} // has a token when there is something new
}

func newQueue(limit int64) *queue { return &queue{limit: limit, wake: make(chan struct{}, 1)} }

func (q *queue) put(m Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	// One message always fits.
	if q.size > 0 && q.size+m.size() > q.limit {
		q.lost++
		return
	}
	q.list = append(q.list, m)
	q.size += m.size()
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// lose counts messages that were taken and given up.
func (q *queue) lose(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lost += n
}

// lostAtEnd returns how many messages nobody has been told of, and those that are
// still there.
func (q *queue) lostAtEnd() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lost + len(q.list)
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.signal()
}

// take waits for messages and returns the first of them, with the number of those
// lost since the last call. It returns none and false at the end. sent must follow.
func (q *queue) take(ctx context.Context) (batch []Message, lost int, more bool) {
	for {
		if batch, lost, closed := q.first(); len(batch) > 0 || closed {
			return batch, lost, len(batch) > 0
		}
		select {
		case <-q.wake:
		case <-ctx.Done():
			return nil, 0, false
		}
	}
}

func (q *queue) first() (batch []Message, lost int, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, size := 0, int64(0)
	for n < len(q.list) && (n == 0 || size+q.list[n].size() <= batchSize) {
		size += q.list[n].size()
		n++
	}
	if n == 0 {
		return nil, 0, q.closed
	}
	batch = q.list[:n:n]
	if q.list = q.list[n:]; len(q.list) == 0 {
		q.list = nil // give the memory back
	}
	q.taken = size
	lost, q.lost = q.lost, 0
	return batch, lost, q.closed
}

// sent makes room for what has been taken.
func (q *queue) sent() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.size -= q.taken
	q.taken = 0
}
