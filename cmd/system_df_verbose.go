package cmd

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// dfReport is what docker's `system df --verbose` shows, with logs.
type dfReport struct {
	Images     []dfImage
	Containers []dfContainer
	Volumes    []dfVolume
}

type dfImage struct {
	Repository, Tag, ID, CreatedSince, Size, SharedSize, UniqueSize, Containers string
}

type dfContainer struct {
	ID, Image, Command, LocalVolumes, Size, Logs, RunningFor, Status, Names string
}

type dfVolume struct{ Name, Links, Size string }

func dfDetails(u host.Usage, now time.Time) dfReport {
	var d dfReport
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
	fmt.Fprint(w, "Images space usage:\n\n")
	if err := images.write(w, d.Images, "table", rows{}); err != nil {
		return err
	}
	fmt.Fprint(w, "\nContainers space usage:\n\n")
	if err := containers.write(w, d.Containers, "table", rows{}); err != nil {
		return err
	}
	fmt.Fprint(w, "\nLocal Volumes space usage:\n\n")
	return volumes.write(w, d.Volumes, "table", rows{})
}
