package launch

import (
	"encoding/binary"
	"time"
)

// The messages are few and small, and so written and read here: the library for
// protocol buffers takes a millisecond to be ready.

// Numbers of fields, from containerd's bootstrap.proto, oci.proto and
// shim.proto, and of google.protobuf.Any and Timestamp.
const (
	paramsID, paramsNamespace, paramsLogLevel              = 1, 2, 3
	paramsAddress, paramsExtensions, paramsSocketDir       = 6, 8, 9
	extensionValue, anyType, anyValue                      = 1, 1, 2
	optionsShimCgroup                                      = 3
	resultVersion, resultAddress, resultProtocol           = 1, 2, 3
	deleteExitedAt, timestampSeconds, timestampNanos       = 3, 1, 2
	optionsType                                            = "containerd.runc.v1.Options"
	logLevelDebug                                    int32 = -4
)

// wire types of fields.
const (
	varint    = 0
	delimited = 2
)

// params is what is needed of a bootstrap message.
type params struct {
	id, namespace, address string
	socketDir              string // empty: containerd's default
	logLevel               int32
	inCgroup               bool // the shim shall be put into a cgroup
}

// readParams reads a bootstrap message; false: it is none.
func readParams(message []byte) (params, bool) {
	var p params
	ok := eachField(message, func(number int, value uint64, data []byte) bool {
		switch number {
		case paramsID:
			p.id = string(data)
		case paramsNamespace:
			p.namespace = string(data)
		case paramsLogLevel:
			p.logLevel = int32(value)
		case paramsAddress:
			p.address = string(data)
		case paramsSocketDir:
			p.socketDir = string(data)
		case paramsExtensions:
			in, ok := inCgroup(data)
			p.inCgroup = p.inCgroup || in
			return ok
		}
		return true
	})
	return p, ok
}

// inCgroup tells whether an extension is runc's options with a cgroup for the
// shim.
func inCgroup(extension []byte) (in, ok bool) {
	ok = eachField(extension, func(number int, _ uint64, data []byte) bool {
		if number != extensionValue {
			return true
		}
		var kind string
		var options []byte
		whole := eachField(data, func(number int, _ uint64, data []byte) bool {
			switch number {
			case anyType:
				kind = string(data)
			case anyValue:
				options = data
			}
			return true
		})
		if !whole || kind != optionsType {
			return whole
		}
		return eachField(options, func(number int, _ uint64, data []byte) bool {
			in = in || number == optionsShimCgroup && len(data) > 0
			return true
		})
	})
	return in, ok
}

// eachField calls do with the fields of a message, a number or bytes each. It
// reports false when do does, or when the message is broken or has fields of
// another type.
func eachField(message []byte, do func(number int, value uint64, data []byte) bool) bool {
	for len(message) > 0 {
		key, n := binary.Uvarint(message)
		if n <= 0 {
			return false
		}
		message = message[n:]
		value, n := binary.Uvarint(message)
		if n <= 0 {
			return false
		}
		message = message[n:]
		var data []byte
		switch key & 7 {
		case varint:
		case delimited:
			if value > uint64(len(message)) {
				return false
			}
			data, message = message[:value], message[value:]
		default:
			return false
		}
		if !do(int(key>>3), value, data) {
			return false
		}
	}
	return true
}

func appendNumber(message []byte, number int, value uint64) []byte {
	return binary.AppendUvarint(append(message, byte(number<<3|varint)), value)
}

func appendBytes(message []byte, number int, data []byte) []byte {
	message = binary.AppendUvarint(append(message, byte(number<<3|delimited)), uint64(len(data)))
	return append(message, data...)
}

// started is the answer to a start: version 3 of the task API, by ttrpc.
func started(address string) []byte {
	message := appendNumber(nil, resultVersion, 3)
	message = appendBytes(message, resultAddress, []byte(address))
	return appendBytes(message, resultProtocol, []byte("ttrpc"))
}

// deleted is the answer to a deletion of what had ended before.
func deleted(at time.Time) []byte {
	stamp := appendNumber(nil, timestampSeconds, uint64(at.Unix()))
	stamp = appendNumber(stamp, timestampNanos, uint64(at.Nanosecond()))
	return appendBytes(nil, deleteExitedAt, stamp)
}
