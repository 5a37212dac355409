package buildkit

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/progress/progressui"
	"github.com/opencontainers/go-digest"
)

// Display shows the progress of builds, all in one.
type Display struct {
	out      io.Writer
	mode     progressui.DisplayMode
	prefix   bool
	begin    sync.Once
	start    func()
	updates  chan *client.SolveStatus
	done     chan struct{}
	telling  sync.RWMutex // held for writing to close it
	closed   bool
	mu       sync.Mutex
	names    map[digest.Digest]string
	warnings []Warning
}

// NewDisplay returns a display of so many builds in one of the modes auto, tty, plain,
// rawjson (for which json is another word) and quiet, that writes to out when the first of
// them says something. Steps are named "[web 2/3] RUN …" when there are several. ctx is for
// its values: the display goes on until it is closed.
func NewDisplay(ctx context.Context, out io.Writer, mode string, builds int) (*Display, error) {
	switch mode {
	case "json":
		mode = string(progressui.RawJSONMode)
	case string(progressui.TtyMode):
		mode = string(progressui.AutoMode) // which it is on a terminal, and no error elsewhere
	}
	shown, err := progressui.NewDisplay(out, progressui.DisplayMode(mode))
	if err != nil {
		return nil, fmt.Errorf("progress %s: %w", mode, err)
	}
	d := &Display{
		out: out, mode: progressui.DisplayMode(mode), prefix: builds > 1,
		updates: make(chan *client.SolveStatus), done: make(chan struct{}), names: map[digest.Digest]string{},
	}
	ctx = context.WithoutCancel(ctx)
	d.start = func() {
		go func() {
			defer close(d.done)
			_, _ = shown.UpdateFrom(ctx, d.updates) // it ends when there are no more
		}()
	}
	return d, nil
}

// Of returns what tells of a service's build. What is told after Close is not shown.
func (d *Display) Of(service string) *Progress { return &Progress{d, service} }

// Close has all shown that was told, and the warnings of what was built. It can be
// called again.
func (d *Display) Close() error {
	d.telling.Lock()
	again := d.closed
	d.closed = true
	d.telling.Unlock()
	if again {
		return nil
	}
	d.begin.Do(d.start)
	close(d.updates)
	<-d.done
	if d.mode == progressui.QuietMode || d.mode == progressui.RawJSONMode || len(d.warnings) == 0 {
		return nil
	}
	_, err := io.WriteString(d.out, warningText(d.warnings))
	return err
}

func warningText(warnings []Warning) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n %d warning", len(warnings))
	if len(warnings) > 1 {
		b.WriteString("s")
	}
	b.WriteString(" found:\n")
	for _, w := range warnings {
		b.WriteString(" - ")
		if w.File != "" {
			fmt.Fprintf(&b, "%s:%d: ", w.File, w.Line)
		}
		b.WriteString(w.Text + "\n")
	}
	return b.String()
}

// Progress is where one build is told of. A nil one tells nobody.
type Progress struct {
	display *Display
	service string
}

// shows tells whether the user sees what steps print.
func (p *Progress) shows() bool {
	return p != nil && p.display.mode != progressui.QuietMode && p.display.mode != progressui.RawJSONMode
}

func (p *Progress) warn(warnings []Warning) {
	if p == nil {
		return
	}
	p.display.mu.Lock()
	defer p.display.mu.Unlock()
	p.display.warnings = append(p.display.warnings, warnings...)
}

func (p *Progress) tell(status *client.SolveStatus) {
	if p == nil {
		return
	}
	p.display.telling.RLock()
	defer p.display.telling.RUnlock()
	if p.display.closed {
		return
	}
	p.display.begin.Do(p.display.start)
	if p.display.prefix {
		for _, v := range status.Vertexes {
			v.Name = p.name(v)
			if g := v.ProgressGroup; g != nil {
				v.ProgressGroup = &pb.ProgressGroup{Id: g.Id, Name: prefixed(g.Name, p.service), Weak: g.Weak}
			}
		}
	}
	p.display.updates <- status
}

// name is that of a step. One that several builds share keeps the name that it was first
// told by.
func (p *Progress) name(v *client.Vertex) string {
	p.display.mu.Lock()
	defer p.display.mu.Unlock()
	if p.display.names[v.Digest] == "" {
		p.display.names[v.Digest] = prefixed(v.Name, p.service)
	}
	return p.display.names[v.Digest]
}

func prefixed(name, service string) string {
	if rest, ok := strings.CutPrefix(name, "["); ok {
		return "[" + service + " " + rest
	}
	return "[" + service + "] " + name
}
