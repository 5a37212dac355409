package host

import "context"

// Wait returns when the container's process has ended and its last output is in
// its log, or when there is no process.
func (h *Host) Wait(ctx context.Context, id string) error {
	_, err := h.containerd.WaitTask(ctx, id)
	return err
}
