package cmd

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestWhatMeansSomethingToRoffIsEscaped(t *testing.T) {
	c := &cobra.Command{
		Use: "up [OPTIONS]", Short: "Create it's",
		Long:    ".first 'line' \\d\n\nsecond -x",
		Example: "  gocompose up -d",
		Run:     func(*cobra.Command, []string) {},
	}
	c.Flags().StringP("from", "f", "", "Take `name` from \"here\"")
	want := `.TH "UP" 1 "" "gocompose 1.2"
.SH NAME
up \- Create it\(aqs
.SH SYNOPSIS
.B up [OPTIONS]
.SH DESCRIPTION
\&.first \(aqline\(aq \ed
.PP
second \-x
.SH OPTIONS
.TP
\fB\-f\fP, \fB\-\-from\fP \fIname\fP
Take name from "here"
.SH EXAMPLES
.nf
gocompose up \-d
.fi
`
	c.DisableFlagsInUseLine = true
	if got := manPage(c, "1.2"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestManCanReadAllPages(t *testing.T) {
	if _, err := exec.LookPath("groff"); err != nil {
		t.Skip("without groff")
	}
	for c := range below((&app{}).root()) {
		groff := exec.Command("groff", "-man", "-ww", "-Tutf8", "-z")
		groff.Stdin = strings.NewReader(manPage(c, "1.2.3"))
		if out, err := groff.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", c.CommandPath(), err, out)
		}
	}
}
