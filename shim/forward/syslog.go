package forward

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/gocompose/gocompose/shim/options"
)

// ownSyslogs are where the host's own syslog listens, on one system or another.
var ownSyslogs = []string{"/dev/log", "/var/run/syslog", "/var/run/log"}

// syslog is a syslog server.
type syslog struct {
	network, address string // empty: the host's own
	tls              *tls.Config
	format           func(b []byte, m Message) []byte
	// octets: each message has its length before it (RFC 5425), and else a newline
	// behind it where it is a stream.
	octets bool
}

func newSyslog(c options.Forward) (syslog, error) {
	host, err := os.Hostname()
	if err != nil {
		return syslog{}, err
	}
	s := syslog{format: syslogFormat(c, host)}
	if c.Address == "" {
		return s, nil
	}
	u, err := url.Parse(c.Address)
	if err != nil {
		return s, err
	}
	switch u.Scheme {
	case "unix", "unixgram":
		s.network, s.address = u.Scheme, u.Path
	case "udp", "tcp":
		s.network, s.address = u.Scheme, withPort(u.Host, "514")
	case "tcp+tls":
		s.network, s.address = "tcp", withPort(u.Host, "6514")
		s.octets = c.Format == "rfc5424" || c.Format == "rfc5424micro"
		if s.tls, err = tlsConfig(c.TLS, u.Hostname()); err != nil {
			return s, err
		}
	default:
		return s, fmt.Errorf("syslog address %q: it begins with none of udp, tcp, tcp+tls, unix and unixgram", c.Address)
	}
	return s, nil
}

func withPort(host, port string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(host, port)
}

func tlsConfig(t options.TLS, server string) (*tls.Config, error) {
	c := &tls.Config{ServerName: server, InsecureSkipVerify: t.Unsafe}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s has no certificate", t.CA)
		}
	}
	if t.Cert != "" || t.Key != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

func (s syslog) dial(ctx context.Context) (sender, error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	network := conn.RemoteAddr().Network()
	return &syslogSender{Conn: conn, syslog: s, packets: network == "udp" || network == "unixgram"}, nil
}

func (s syslog) connect(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	if s.tls != nil {
		return (&tls.Dialer{NetDialer: &d, Config: s.tls}).DialContext(ctx, s.network, s.address)
	}
	if s.network != "" && s.network != "unix" {
		return d.DialContext(ctx, s.network, s.address)
	}
	paths := ownSyslogs
	if s.address != "" {
		paths = []string{s.address}
	}
	var errs []error
	for _, path := range paths {
		for _, network := range []string{"unixgram", "unix"} { // of a socket one alone works
			conn, err := d.DialContext(ctx, network, path)
			if err == nil {
				return conn, nil
			}
			errs = append(errs, err)
		}
	}
	return nil, errs[0]
}

type syslogSender struct {
	net.Conn
	syslog
	packets bool // each message is a datagram
}

func (s *syslogSender) send(batch []Message) (sent int, err error) {
	if err := s.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return 0, err
	}
	if !s.packets {
		if err := alive(s.Conn); err != nil {
			return 0, err
		}
	}
	var buf []byte
	for i, m := range batch {
		text := s.format(nil, m)
		switch {
		case s.packets:
			if _, err := s.Write(text); err != nil {
				return i, err
			}
		case s.octets:
			buf = append(strconv.AppendInt(buf, int64(len(text)), 10), ' ')
			buf = append(buf, text...)
		default:
			buf = append(append(buf, text...), '\n')
		}
	}
	if len(buf) == 0 {
		return len(batch), nil
	}
	if _, err := s.Write(buf); err != nil {
		return 0, err
	}
	return len(batch), nil
}

// syslogFormat returns what writes a message in one of the forms that Docker has.
func syslogFormat(c options.Forward, host string) func([]byte, Message) []byte {
	pid := os.Getpid()
	layout := time.RFC3339
	if c.Format == "rfc5424micro" {
		layout = "2006-01-02T15:04:05.000000Z07:00"
	}
	return func(b []byte, m Message) []byte {
		p := c.Facility<<3 | priority(m.Stream)
		switch c.Format {
		case "rfc5424", "rfc5424micro":
			b = fmt.Appendf(b, "<%d>1 %s %s %s %d %s - ", p, m.Time.Format(layout), host, c.Tag, pid, c.Tag)
		case "rfc3164":
			b = fmt.Appendf(b, "<%d>%s %s %s[%d]: ", p, m.Time.Format(time.Stamp), host, c.Tag, pid)
		default:
			b = fmt.Appendf(b, "<%d>%s %s[%d]: ", p, m.Time.Format(time.Stamp), c.Tag, pid)
		}
		return append(b, m.Line...)
	}
}
