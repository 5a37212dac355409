package view

import (
	"slices"
	"time"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
)

// layer is news about a layer of an image that is pulled or pushed.
type layer struct {
	id             string // empty: there is none
	text           string
	status         status
	moving         bool  // bytes of it go by
	over           bool  // nothing more will happen to it
	current, total int64 // bytes
}

// layerOf returns what an event tells of a layer, in the words of docker, which other
// tools match on.
func layerOf(e executor.Event) layer {
	l := layer{id: e.Layer.ID, status: working}
	if l.id == "" {
		return l
	}
	switch e.Layer.State {
	case executor.LayerFetching:
		l.text, l.moving = "Downloading", true
	case executor.LayerFetched:
		l.text, l.status = "Download complete", done
	case executor.LayerUnpacking:
		l.text = "Extracting"
	case executor.LayerUnpacked:
		l.text, l.status, l.over = "Pull complete", done, true
	case executor.LayerSending:
		l.text, l.moving = "Pushing", true
	case executor.LayerSent:
		l.text, l.status, l.over = "Pushed", done, true
	case executor.LayerThere:
		l.text, l.status, l.over = "Already exists", done, true
		if e.Op.Verb() == planner.VerbPush {
			l.text = "Layer already exists"
		}
	default:
		l.text = "Waiting"
	}
	if l.moving || l.status == done {
		l.current, l.total = e.Layer.Current, e.Layer.Total
	}
	return l
}

// told tells whether a line is worth what has become of the layer: not what it is on the
// way to.
func (l layer) told() bool { return l.status == done }

// parts are the layers of a row that are not done, in the order of their first news.
type parts []row

func (p *parts) put(u update) {
	l := u.layer
	i := slices.IndexFunc(*p, func(r row) bool { return r.id == l.id })
	if i >= 0 && l.over {
		*p = slices.Delete(*p, i, i+1)
		return
	}
	if i < 0 {
		if l.over {
			return
		}
		i = len(*p)
		*p = append(*p, row{began: u.time})
	}
	r := &(*p)[i]
	if l.moving {
		r.rate.put(u.time, l.current)
	}
	r.update = update{id: l.id, status: working, text: l.text, current: l.current, total: l.total, time: u.time, layer: l}
}

// busy are those that something is being done about, at most n.
func (p parts) busy(n int) []row {
	var out []row
	for _, r := range p {
		if len(out) < n && r.text != "Waiting" {
			out = append(out, r)
		}
	}
	return out
}

// partLine shows a layer below its image.
func (b *board) partLine(r row, now time.Time, width int) string {
	var l lineBuilder
	l.colour = b.colour
	l.room = width
	l.add("   ", "")
	l.add(sign(r, now), cyan)
	l.add(" "+r.id+" "+r.text, "")
	if bar := bar(r, now); bar != "" {
		l.add(" "+bar, "")
	}
	return l.String()
}
