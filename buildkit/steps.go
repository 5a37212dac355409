package buildkit

import (
	"strings"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
)

// steps are what was heard of the steps of one build.
type steps struct {
	request  Request
	named    map[digest.Digest]string
	output   map[digest.Digest]*tail
	warnings []Warning
}

func newSteps(r Request) *steps {
	return &steps{request: r, named: map[digest.Digest]string{}, output: map[digest.Digest]*tail{}}
}

func (s *steps) add(status *client.SolveStatus) {
	for _, v := range status.Vertexes {
		s.named[v.Digest] = v.Name
	}
	for _, l := range status.Logs {
		if s.output[l.Vertex] == nil {
			s.output[l.Vertex] = &tail{}
		}
		s.output[l.Vertex].add(l.Data)
	}
	for _, w := range status.Warnings {
		found := Warning{Service: s.request.Service, Text: string(w.Short), URL: w.URL}
		if w.SourceInfo != nil {
			found.File = s.request.place(w.SourceInfo.Filename)
		}
		if len(w.Range) > 0 && w.Range[0].Start != nil {
			found.Line = int(w.Range[0].Start.Line)
		}
		s.warnings = append(s.warnings, found)
	}
}

// The end of a step's output that is kept, and told when it fails.
const (
	tailLines = 20
	tailBytes = 4096
)

// tail is the end of what a step printed.
type tail struct{ data []byte }

func (t *tail) add(data []byte) {
	t.data = append(t.data, data...)
	if extra := len(t.data) - 2*tailBytes; extra > 0 {
		t.data = append([]byte(nil), t.data[extra:]...)
	}
}

func (t *tail) lines() []string {
	if t == nil {
		return nil
	}
	data := t.data
	if extra := len(data) - tailBytes; extra > 0 {
		data = data[extra:]
		if _, rest, ok := strings.Cut(string(data), "\n"); ok {
			data = []byte(rest) // the line before it is not whole
		}
	}
	text := strings.TrimRight(string(data), "\r\n")
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		line = strings.TrimSuffix(line, "\r")
		lines[i] = line[strings.LastIndexByte(line, '\r')+1:] // what a terminal would show
	}
	return lines[max(0, len(lines)-tailLines):]
}
