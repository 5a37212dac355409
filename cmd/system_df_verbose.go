package cmd

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gocompose/gocompose/buildkit"
	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// dfReport is what docker's `system df --verbose` shows, with logs.
type dfReport struct {
	Images     []dfImage
	Containers []dfContainer
	Volumes    []dfVolume
	BuildCache []dfCache
	// cached is what the build cache takes that is no image's.
	cached string
}

type dfImage struct {
	Repository, Tag, ID, CreatedSince, Size, SharedSize, UniqueSize, Containers string
}

type dfContainer struct {
	ID, Image, Command, LocalVolumes, Size, Logs, RunningFor, Status, Names string
}

type dfVolume struct{ Name, Links, Size string }

type dfCache struct {
	ID, CacheType, Size, CreatedSince, LastUsedSince, UsageCount, InUse, Shared, Description string
}

func dfDetails(u host.Usage, cache []buildkit.CacheRecord, now time.Time) dfReport {
	d := dfReport{cached: sizeText(u.Build.Sum())}
	for _, i := range u.Images {
		name := splitImage(i.Ref)
		shared := sharedSize(i, u)
		d.Images = append(d.Images, dfImage{
			Repository: name.repository, Tag: name.tag, ID: shortDigest(i.ID), CreatedSince: ago(i.CreatedAt), Size: sizeText(i.Parts.Sum()),
			SharedSize: sizeText(shared), UniqueSize: sizeText(i.Parts.Sum() - shared), Containers: strconv.Itoa(len(i.Users)),
		})
	}
	for _, c := range u.Containers {
		d.Containers = append(d.Containers, dfContainer{
			ID: c.ID, Image: planner.ShortImage(c.Spec.Image), Command: truncate(commandText(c.Command), maxCommand, false),
			LocalVolumes: strconv.Itoa(volumesOf(c)), Size: sizeText(c.Written), Logs: sizeText(c.Logs),
			RunningFor: ago(c.CreatedAt), Status: status(c.Info, now), Names: c.Name,
		})
	}
	for _, v := range u.Volumes {
		d.Volumes = append(d.Volumes, dfVolume{v.Name, strconv.Itoa(len(v.Users)), sizeText(v.Size)})
	}
	for _, r := range cache {
		used := ""
		if !r.LastUsedAt.IsZero() {
			used = ago(r.LastUsedAt)
		}
		d.BuildCache = append(d.BuildCache, dfCache{
			ID: r.ID, CacheType: r.Type, Size: sizeText(r.Size), CreatedSince: ago(r.CreatedAt), LastUsedSince: used,
			UsageCount: strconv.Itoa(r.UsageCount), InUse: strconv.FormatBool(r.InUse), Shared: strconv.FormatBool(r.Shared), Description: r.Description,
		})
	}
	return d
}

func volumesOf(c host.ContainerUse) int {
	n := len(c.Anonymous)
	for _, m := range slices.Concat(c.Spec.Mounts, c.Taken) {
		if m.Type == project.MountVolume && m.Source != "" {
			n++
		}
	}
	return n
}

func (d dfReport) write(w io.Writer) error {
	images := list[dfImage]{
		columns: strings.Split("REPOSITORY,TAG,IMAGE ID,CREATED,SIZE,SHARED SIZE,UNIQUE SIZE,CONTAINERS", ","),
		cells: func(i dfImage) []string {
			return []string{i.Repository, i.Tag, i.ID, i.CreatedSince, i.Size, i.SharedSize, i.UniqueSize, i.Containers}
		},
	}
	containers := list[dfContainer]{
		columns: strings.Split("CONTAINER ID,IMAGE,COMMAND,LOCAL VOLUMES,SIZE,LOGS,CREATED,STATUS,NAMES", ","),
		cells: func(c dfContainer) []string {
			return []string{c.ID, c.Image, c.Command, c.LocalVolumes, c.Size, c.Logs, c.RunningFor, c.Status, c.Names}
		},
	}
	volumes := list[dfVolume]{
		columns: []string{"VOLUME NAME", "LINKS", "SIZE"},
		cells:   func(v dfVolume) []string { return []string{v.Name, v.Links, v.Size} },
	}
	cache := list[dfCache]{
		columns: strings.Split("CACHE ID,CACHE TYPE,SIZE,CREATED,LAST USED,USAGE,SHARED", ","),
		cells: func(c dfCache) []string {
			return []string{c.ID, c.CacheType, c.Size, c.CreatedSince, c.LastUsedSince, c.UsageCount, c.Shared}
		},
	}
	for _, part := range []struct {
		title string
		write func() error
	}{
		{"Images space usage:\n\n", func() error { return images.write(w, d.Images, "table", rows{}) }},
		{"\nContainers space usage:\n\n", func() error { return containers.write(w, d.Containers, "table", rows{}) }},
		{"\nLocal Volumes space usage:\n\n", func() error { return volumes.write(w, d.Volumes, "table", rows{}) }},
		{fmt.Sprintf("\nBuild cache usage: %s\n\n", d.cached), func() error { return cache.write(w, d.BuildCache, "table", rows{}) }},
	} {
		fmt.Fprint(w, part.title)
		if err := part.write(); err != nil {
			return err
		}
	}
	return nil
}
