package loader

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
)

// PinImages puts the digests of the images that services are made of or mount after their
// names, where there are none. Resolve finds that of a whole name; it is called from several
// goroutines.
func (m *Model) PinImages(ctx context.Context, resolve func(ctx context.Context, ref string) (string, error)) error {
	resolver := func(named reference.Named) (digest.Digest, error) {
		found, err := resolve(ctx, named.String())
		return digest.Digest(found), err
	}
	if m.tree == nil {
		pinned, err := m.model.WithImagesResolved(resolver)
		if err != nil {
			return fmt.Errorf("looking up digests: %w", err)
		}
		m.model = pinned
		return nil
	}
	for _, name := range m.keys("services") {
		if err := pinTree(m.service(name), resolver); err != nil {
			return fmt.Errorf("looking up digests: services.%s: %w", name, err)
		}
	}
	return nil
}

// pinTree does what WithImagesResolved does to a service that is not interpolated.
func pinTree(service map[string]any, resolve func(reference.Named) (digest.Digest, error)) error {
	errs := []error{pin(service, "image", resolve)}
	hooks, _ := service["pre_start"].([]any)
	for _, h := range hooks {
		if hook, ok := h.(map[string]any); ok {
			errs = append(errs, pin(hook, "image", resolve))
		}
	}
	volumes, _ := service["volumes"].([]any)
	for _, v := range volumes {
		if mount, ok := v.(map[string]any); ok && mount["type"] == types.VolumeTypeImage {
			errs = append(errs, pin(mount, "source", resolve))
		}
	}
	return errors.Join(errs...)
}

func pin(of map[string]any, key string, resolve func(reference.Named) (digest.Digest, error)) error {
	image, ok := of[key].(string)
	if !ok || image == "" {
		return nil
	}
	named, err := reference.ParseDockerRef(image)
	if err != nil {
		return fmt.Errorf("%q is not an image reference like nginx:1.27: %w", image, err)
	}
	if _, ok := named.(reference.Digested); !ok {
		found, err := resolve(named)
		if err != nil {
			return err
		}
		if named, err = reference.WithDigest(named, found); err != nil {
			return err
		}
	}
	of[key] = named.String()
	return nil
}

// images maps the services whose image the files name to its name.
func (m *Model) images() map[string]string {
	out := map[string]string{}
	for _, name := range m.sortedServices() {
		image := ""
		if m.tree != nil {
			image, _ = m.service(name)["image"].(string)
		} else {
			image = m.model.Services[name].Image
		}
		if image != "" {
			out[name] = image
		}
	}
	return out
}

// ImagesOnly returns the model with nothing but the services' images: a file to lay over the
// others.
func (m *Model) ImagesOnly() *Model {
	services := map[string]any{}
	all := m.images()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		services[name] = map[string]any{"image": all[name]}
	}
	return &Model{src: m.src, options: m.options, tree: map[string]any{"services": services}}
}
