package spec

import (
	"fmt"
	"math"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/gocompose/gocompose/project"
)

// BlockDevice is what a path of blkio_config is to the kernel.
type BlockDevice struct{ Major, Minor int64 }

func setBlockIO(in Input, r *specs.LinuxResources) error {
	b := in.Container.Resources.BlockIO
	io := &specs.LinuxBlockIO{}
	if n := uint16(b.Weight); n != 0 {
		if !in.Host.BlockWeight {
			return noWeight("weight")
		}
		io.Weight = &n
	}
	for _, w := range b.Weights {
		if !in.Host.BlockDeviceWeight {
			return noWeight("weight_device")
		}
		device, err := blockDevice(in, "weight_device", w)
		if err != nil {
			return err
		}
		weight := specs.LinuxWeightDevice{}
		weight.Major, weight.Minor = device.Major, device.Minor
		n := uint16(min(w.Number, math.MaxUint16))
		weight.Weight = &n
		io.WeightDevice = append(io.WeightDevice, weight)
	}
	for _, f := range []struct {
		attribute string
		asked     []project.DeviceNumber
		to        *[]specs.LinuxThrottleDevice
	}{
		{"device_read_bps", b.ReadBytes, &io.ThrottleReadBpsDevice},
		{"device_write_bps", b.WriteBytes, &io.ThrottleWriteBpsDevice},
		{"device_read_iops", b.ReadOps, &io.ThrottleReadIOPSDevice},
		{"device_write_iops", b.WriteOps, &io.ThrottleWriteIOPSDevice},
	} {
		if err := throttle(in, f.attribute, f.asked, f.to); err != nil {
			return err
		}
	}
	if b.Weight != 0 || len(b.Weights)+len(b.ReadBytes)+len(b.WriteBytes)+len(b.ReadOps)+len(b.WriteOps) > 0 {
		r.BlockIO = io
	}
	return nil
}

func noWeight(attribute string) error {
	return fmt.Errorf("blkio_config.%s: this host's kernel cannot weigh containers at a disk: load a scheduler that can (modprobe bfq), or remove it",
		attribute)
}

func throttle(in Input, attribute string, asked []project.DeviceNumber, to *[]specs.LinuxThrottleDevice) error {
	for _, a := range asked {
		if !in.Host.BlockThrottle {
			return fmt.Errorf("blkio_config.%s: this host's kernel cannot limit disks (CONFIG_BLK_DEV_THROTTLING): remove it", attribute)
		}
		device, err := blockDevice(in, attribute, a)
		if err != nil {
			return err
		}
		limit := specs.LinuxThrottleDevice{Rate: uint64(a.Number)}
		limit.Major, limit.Minor = device.Major, device.Minor
		*to = append(*to, limit)
	}
	return nil
}

func blockDevice(in Input, attribute string, n project.DeviceNumber) (BlockDevice, error) {
	d, ok := in.BlockDevices[n.Path]
	if !ok {
		return BlockDevice{}, fmt.Errorf("blkio_config.%s: %s was not looked up", attribute, n.Path)
	}
	return d, nil
}
