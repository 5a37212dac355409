package images

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
)

// Remove takes away a name of an image, given by name, or by ID or its first
// digits if the image has no other name. Its content goes with the last name,
// its files with the last container made from it. ErrNotFound if there is none.
func (s *Store) Remove(ctx context.Context, ref string) error {
	ctx = quietly(ctx)
	name, err := s.removable(ctx, ref)
	if err != nil {
		return err
	}
	err = s.raw.ImageService().Delete(ctx, name, images.SynchronousDelete())
	if errdefs.IsNotFound(err) {
		return notHere(ref, err)
	}
	if err != nil {
		return fmt.Errorf("removing image %s: %w", ref, err)
	}
	return nil
}

// removable returns the name of the one record that ref means. An image that
// lacks a part can be removed by its name.
func (s *Store) removable(ctx context.Context, ref string) (string, error) {
	all, err := s.records(ctx)
	if err != nil {
		return "", err
	}
	if named, err := normalize(ref); err == nil {
		for _, r := range all {
			if r.Name == named.String() {
				return r.Name, nil
			}
		}
	}
	if !isID(ref) {
		record, err := s.find(ctx, all, ref)
		return record.Name, err
	}
	same, err := s.findID(ctx, all, ref)
	if err != nil {
		return "", err
	}
	if len(same) > 1 {
		var names []string
		for _, r := range same {
			names = append(names, r.Name)
		}
		return "", fmt.Errorf("image %s has %d names: remove them by name: %s", ref, len(names), strings.Join(names, ", "))
	}
	return same[0].Name, nil
}
