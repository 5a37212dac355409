package forward

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/gocompose/gocompose/shim/options"
)

// fluentd is a server that speaks Fluentd's Forward protocol
// (https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1), and
// gets each line in its Message mode.
type fluentd struct {
	options.Forward
	network, address string
	tls              *tls.Config
	fields           []byte // of every record
}

// fluentdAddress is Docker's default.
const fluentdAddress = "tcp://127.0.0.1:24224"

// ackLimit is how long an acknowledgement is waited for.
const ackLimit = 30 * time.Second

func newFluentd(c options.Forward) (fluentd, error) {
	f := fluentd{Forward: c}
	u, err := url.Parse(cmp.Or(c.Address, fluentdAddress))
	if err != nil {
		return f, err
	}
	switch u.Scheme {
	case "unix":
		f.network, f.address = "unix", u.Path
	case "tcp":
		f.network, f.address = "tcp", withPort(u.Host, "24224")
	case "tls":
		f.network, f.address = "tcp", withPort(u.Host, "24224")
		f.tls = &tls.Config{ServerName: u.Hostname()}
	default:
		return f, fmt.Errorf("fluentd address %q: it begins with none of tcp, tls and unix", c.Address)
	}
	for _, key := range slices.Sorted(maps.Keys(c.Fields)) {
		f.fields = appendString(appendString(f.fields, key), c.Fields[key])
	}
	return f, nil
}

func (f fluentd) dial(ctx context.Context) (sender, error) {
	var d net.Dialer
	var conn net.Conn
	var err error
	if f.tls != nil {
		conn, err = (&tls.Dialer{NetDialer: &d, Config: f.tls}).DialContext(ctx, f.network, f.address)
	} else {
		conn, err = d.DialContext(ctx, f.network, f.address)
	}
	if err != nil {
		return nil, err
	}
	return &fluentdSender{conn, f}, nil
}

type fluentdSender struct {
	net.Conn
	fluentd
}

func (f *fluentdSender) send(batch []Message) (sent int, err error) {
	if err := alive(f.Conn); err != nil {
		return 0, err
	}
	if !f.Ack {
		var all []byte
		for _, m := range batch {
			all = f.appendEvent(all, m, "")
		}
		if err := f.write(all); err != nil {
			return 0, err
		}
		return len(batch), nil
	}
	for i, m := range batch {
		chunk := rand.Text()
		if err := f.write(f.appendEvent(nil, m, chunk)); err != nil {
			return i, err
		}
		if err := f.acknowledged(chunk); err != nil {
			return i, err
		}
	}
	return len(batch), nil
}

func (f *fluentdSender) write(b []byte) error {
	err := f.SetWriteDeadline(time.Now().Add(cmp.Or(f.WriteTimeout, writeLimit)))
	if err == nil {
		_, err = f.Write(b)
	}
	return err
}

// acknowledged waits for the server to say that it has the chunk.
func (f *fluentdSender) acknowledged(chunk string) error {
	if err := f.SetReadDeadline(time.Now().Add(cmp.Or(f.ReadTimeout, ackLimit))); err != nil {
		return err
	}
	answer := make([]byte, 0, 64)
	for len(answer) < cap(answer) {
		n, err := f.Read(answer[len(answer):cap(answer)])
		if err != nil {
			return fmt.Errorf("waiting for an acknowledgement: %w", err)
		}
		answer = answer[:len(answer)+n]
		if ack, ok := readAck(answer); ok && ack == chunk {
			return nil
		}
	}
	return errors.New("the acknowledgement is of something else")
}

// appendEvent writes [tag, time, record], with a fourth element, {"chunk": …},
// where an acknowledgement is asked for.
func (f *fluentdSender) appendEvent(b []byte, m Message, chunk string) []byte {
	n := 3
	if chunk != "" {
		n = 4
	}
	b = appendString(appendArray(b, n), f.Tag)
	b = appendTime(b, m.Time, f.SubSecond)
	b = f.appendRecord(b, m)
	if chunk != "" {
		b = appendString(appendString(appendMap(b, 1), "chunk"), chunk)
	}
	return b
}

func (f *fluentdSender) appendRecord(b []byte, m Message) []byte {
	pairs := [][2]string{{"source", string(m.Stream)}, {"log", string(bytes.ToValidUTF8(m.Line, []byte("\ufffd")))}}
	if p := m.Piece; p.Of != 0 {
		if !p.Last {
			pairs = append(pairs, [2]string{"partial_message", "true"})
		}
		pairs = append(pairs, [2]string{"partial_id", strconv.FormatUint(p.Of, 16)},
			[2]string{"partial_ordinal", strconv.Itoa(p.Ordinal)}, [2]string{"partial_last", strconv.FormatBool(p.Last)})
	}
	b = append(appendMap(b, len(pairs)+len(f.Fields)), f.fields...)
	for _, pair := range pairs {
		b = appendString(appendString(b, pair[0]), pair[1])
	}
	return b
}
