package cmd

import (
	"context"
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/project/loader"
)

type graphFlags struct {
	image, networks, ports, spaces bool
	indentation                    int
}

// graphCommand is there under its own name, and hidden as docker compose's
// `alpha viz`.
func (a *app) graphCommand(path string) *cobra.Command {
	var f graphFlags
	name := path[strings.LastIndex(path, " ")+1:]
	c := &cobra.Command{
		Use:   name + " [OPTIONS]",
		Short: "Draw which services need which",
		Long: "Prints the services of the Compose files and what they depend on as a graph in the language DOT, for graphviz. What\n" +
			"`up` would do is another graph: `gocompose plan --format dot`.",
		Example: "gocompose " + path + " --ports --image | dot -Tsvg >services.svg",
		Args:    noArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.graph(c.Context(), f) },
	}
	fs := c.Flags()
	fs.BoolVar(&f.image, "image", false, "Include service's image name in output graph")
	fs.IntVar(&f.indentation, "indentation-size", 1, "Number of tabs or spaces to use for indentation")
	fs.BoolVar(&f.networks, "networks", false, "Include service's attached networks in output graph")
	fs.BoolVar(&f.ports, "ports", false, "Include service's exposed ports in output graph")
	fs.BoolVar(&f.spaces, "spaces", false, `If given, space character ' ' will be used to indent, otherwise tab character '\t' will be used`)
	return c
}

func (a *app) graph(ctx context.Context, f graphFlags) error {
	if f.indentation < 0 {
		return usage("--indentation-size is %d: a number of spaces or tabs, from 0", f.indentation)
	}
	opt, err := a.loadOptions()
	if err != nil {
		return err
	}
	m, err := loader.LoadModel(ctx, opt, loader.ModelOptions{})
	if err != nil {
		return err
	}
	return f.write(a.Out, m.Name(), m.Graph())
}

// write writes the graph: a node for each service, an arrow from each to those that
// it needs.
func (f graphFlags) write(w io.Writer, name string, services []loader.GraphService) error {
	indent := strings.Repeat("\t", f.indentation)
	if f.spaces {
		indent = strings.Repeat(" ", f.indentation)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %s {\n%slayout=dot;\n", dotText(name), indent)
	for _, s := range services {
		fmt.Fprintf(&b, "%s%s [style=\"filled\" label=<%s>];\n", indent, dotText(s.Name), f.label(s))
	}
	b.WriteByte('\n')
	for _, s := range services {
		for _, need := range s.Needs {
			fmt.Fprintf(&b, "%s%s -> %s;\n", indent, dotText(s.Name), dotText(need))
		}
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// label is what stands in a service's node, in graphviz's form of HTML.
func (f graphFlags) label(s loader.GraphService) string {
	text := `<font point-size="15">` + html.EscapeString(s.Name) + "</font>"
	add := func(title string, lines []string) {
		if len(lines) == 0 {
			return
		}
		text += `<font point-size="10"><br/><br/><b>` + title + ":</b>"
		for _, line := range lines {
			text += "<br/>" + html.EscapeString(line)
		}
		text += "</font>"
	}
	if f.networks {
		add("Networks", s.Networks)
	}
	if f.ports {
		add("Ports", s.Ports)
	}
	if f.image {
		add("Image", []string{s.Image})
	}
	return text
}

// dotText is a name in quotes: it has nothing in it that would end them.
func dotText(name string) string { return `"` + name + `"` }

// alphaCommand has docker compose's commands of that kind that are not elsewhere.
func (a *app) alphaCommand() *cobra.Command {
	c := &cobra.Command{
		Use:    "alpha COMMAND",
		Short:  "The old names of commands",
		Hidden: true,
		Args:   knownCommand,
		RunE:   func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	scale := a.scaleCommand()
	scale.Example = "gocompose alpha scale web=2"
	c.AddCommand(a.graphCommand("alpha viz"), scale)
	return c
}
