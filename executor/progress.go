package executor

// Progress tells how much of an image has come, or gone.
type Progress struct {
	// Current and Total are bytes of all its layers that are known so far.
	Current, Total int64
	// Layer is the one that there is news of; its zero value: none.
	Layer Layer
}

// Layer is how far one layer of an image is.
type Layer struct {
	ID             string // the first digits of its digest
	State          LayerState
	Current, Total int64 // bytes
}

// LayerState is what is happening to a layer.
type LayerState string

const (
	LayerWaiting   LayerState = "waiting"
	LayerFetching  LayerState = "fetching"
	LayerFetched   LayerState = "fetched"
	LayerUnpacking LayerState = "unpacking"
	LayerUnpacked  LayerState = "unpacked"
	LayerSending   LayerState = "sending"
	LayerSent      LayerState = "sent"
	LayerThere     LayerState = "there" // before: nothing was to be done
)
