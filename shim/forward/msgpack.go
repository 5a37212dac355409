package forward

import (
	"encoding/binary"
	"time"
)

// The few types of MessagePack that the Forward protocol of Fluentd needs
// (https://github.com/msgpack/msgpack/blob/master/spec.md).

func appendArray(b []byte, n int) []byte { return append(b, 0x90|byte(n)) } // below 16

func appendMap(b []byte, n int) []byte {
	if n < 16 {
		return append(b, 0x80|byte(n))
	}
	return binary.BigEndian.AppendUint16(append(b, 0xde), uint16(n))
}

func appendString(b []byte, s string) []byte {
	switch n := len(s); {
	case n < 32:
		b = append(b, 0xa0|byte(n))
	case n < 1<<8:
		b = append(b, 0xd9, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0xda), uint16(n))
	default:
		b = binary.BigEndian.AppendUint32(append(b, 0xdb), uint32(n))
	}
	return append(b, s...)
}

func appendUint(b []byte, n uint64) []byte { return binary.BigEndian.AppendUint64(append(b, 0xcf), n) }

// appendTime writes a time in seconds, or as Fluentd's EventTime, an extension of
// type 0 with nanoseconds.
func appendTime(b []byte, t time.Time, subSecond bool) []byte {
	if !subSecond {
		return appendUint(b, uint64(t.Unix()))
	}
	b = append(b, 0xd7, 0x00)
	b = binary.BigEndian.AppendUint32(b, uint32(t.Unix()))
	return binary.BigEndian.AppendUint32(b, uint32(t.Nanosecond()))
}

// readAck reads the answer to a message that asked for one, {"ack": "…"}, and
// returns its text; ok is false for anything else.
func readAck(b []byte) (ack string, ok bool) {
	const head = "\x81\xa3ack"
	if len(b) <= len(head) || string(b[:len(head)]) != head {
		return "", false
	}
	b = b[len(head):]
	switch {
	case b[0]&0xe0 == 0xa0:
		ack = string(b[1:])
		return ack, len(ack) == int(b[0]&0x1f)
	case b[0] == 0xd9 && len(b) > 1:
		ack = string(b[2:])
		return ack, len(ack) == int(b[1])
	}
	return "", false
}
