package project

// WatchAction is what is done when a file that is watched has changed.
type WatchAction string

const (
	WatchSync        WatchAction = "sync"
	WatchRestart     WatchAction = "restart"
	WatchSyncRestart WatchAction = "sync+restart"
	WatchSyncExec    WatchAction = "sync+exec"
	WatchRebuild     WatchAction = "rebuild"
)

// Trigger is one entry of develop.watch.
type Trigger struct {
	// Path is the file or folder of the host, absolute.
	Path   string      `json:"path"`
	Action WatchAction `json:"action"`
	// Target is where its files are in the container, absolute.
	Target string `json:"target,omitempty"`
	// Exec is what runs in the container after a sync+exec.
	Exec Hook `json:"exec,omitzero"`
	// Include and Ignore are patterns as in a .dockerignore, of paths relative to
	// Path; without Include all are meant.
	Include []string `json:"include,omitempty"`
	Ignore  []string `json:"ignore,omitempty"`
	// InitialSync: what is newer than the image is copied when watching begins.
	InitialSync bool `json:"initialSync,omitempty"`
	// Context is the folder that the service's image is built from, whose
	// .dockerignore counts too; empty: it is not built.
	Context string `json:"context,omitempty"`
}

// Syncs tells whether files are copied into the container.
func (t Trigger) Syncs() bool { return t.Action != WatchRestart && t.Action != WatchRebuild }

// Restarts tells whether the container is restarted.
func (t Trigger) Restarts() bool { return t.Action == WatchRestart || t.Action == WatchSyncRestart }
