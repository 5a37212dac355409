package project

// Resources are what a container may use of the host, beside Container.NanoCPUs
// and Container.Memory. Zero is not asked for.
type Resources struct {
	// CPUShares is the weight against other containers; 1024 is the usual one.
	CPUShares int64 `json:"cpuShares,omitempty"`
	// CPUQuota is how much of each CPUPeriod the container may run, both in
	// microseconds.
	CPUQuota  int64 `json:"cpuQuota,omitempty"`
	CPUPeriod int64 `json:"cpuPeriod,omitempty"`
	// RealtimeRuntime and RealtimePeriod are the same for processes of the
	// real-time scheduling classes.
	RealtimeRuntime int64 `json:"realtimeRuntime,omitempty"`
	RealtimePeriod  int64 `json:"realtimePeriod,omitempty"`
	// CPUSet are the processors to run on, "0-3,5".
	CPUSet string `json:"cpuset,omitempty"`

	// MemoryReservation is what is left to the container when memory gets
	// scarce, in bytes.
	MemoryReservation int64 `json:"memoryReservation,omitempty"`
	// MemorySwap limits memory and swap together, in bytes; -1: swap is not
	// limited; 0: twice Container.Memory.
	MemorySwap int64 `json:"memorySwap,omitempty"`
	// Swappiness is 1 to 100.
	Swappiness int64 `json:"swappiness,omitempty"`
	// OOMKillDisable: when memory has run out, processes wait instead of being
	// killed.
	OOMKillDisable bool `json:"oomKillDisable,omitempty"`
	// OOMScoreAdj is -1000 (never killed) to 1000 (killed first).
	OOMScoreAdj int64 `json:"oomScoreAdj,omitempty"`

	// Pids is the highest number of processes and threads.
	Pids int64 `json:"pids,omitempty"`

	BlockIO BlockIO `json:"blockIO,omitzero"`
}

// BlockIO is a container's share of disks.
type BlockIO struct {
	// Weight is 10 to 1000, on all devices but those of Weights.
	Weight  int64          `json:"weight,omitempty"`
	Weights []DeviceNumber `json:"weights,omitempty"` // sorted by path, as all lists here
	// The most that is read from and written to a device: bytes and operations
	// a second.
	ReadBytes  []DeviceNumber `json:"readBytes,omitempty"`
	WriteBytes []DeviceNumber `json:"writeBytes,omitempty"`
	ReadOps    []DeviceNumber `json:"readOps,omitempty"`
	WriteOps   []DeviceNumber `json:"writeOps,omitempty"`
}

// DeviceNumber says a number of a block device.
type DeviceNumber struct {
	Path   string `json:"path"` // on the host, absolute
	Number int64  `json:"number"`
}

// Devices are the devices of the host that a container has.
type Devices struct {
	Nodes []Device `json:"nodes,omitempty"` // sorted by target
	// CDI are names of the Container Device Interface, "vendor.com/class=name",
	// in the order of the file.
	CDI []string `json:"cdi,omitempty"`
	// Rules allow more devices than those that are made: "c 1:3 rwm".
	Rules    []string        `json:"rules,omitempty"`
	Requests []DeviceRequest `json:"requests,omitempty"`
}

// Device is a device node, or a folder of them.
type Device struct {
	Source      string `json:"source"` // on the host, absolute
	Target      string `json:"target"` // absolute, clean
	Permissions string `json:"permissions"`
}

// DeviceRequest asks for devices by what they are.
type DeviceRequest struct {
	// Attribute is where it stands in the file: "gpus", or
	// "deploy.resources.reservations.devices".
	Attribute string `json:"attribute"`
	// Driver is a Driver… constant; empty: whichever the host has.
	Driver string `json:"driver,omitempty"`
	// Count is how many, AllDevices for all; 0 where IDs names them.
	Count int64    `json:"count,omitempty"`
	IDs   []string `json:"ids,omitempty"`
}

// AllDevices is the DeviceRequest.Count of all there are.
const AllDevices = -1

// Drivers of DeviceRequest.
const (
	DriverNvidia = "nvidia"
	DriverAMD    = "amd"
	// DriverCDI takes IDs that are names of the Container Device Interface.
	DriverCDI = "cdi"
)
