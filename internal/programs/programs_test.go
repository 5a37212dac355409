package programs

import "testing"

func TestVersionsAreFoundInWhatProgramsSay(t *testing.T) {
	for output, want := range map[string]string{
		"containerd github.com/containerd/containerd/v2 v2.3.7 \n":                                    "v2.3.7",
		"containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u1\n":               "1.6.20~ds1",
		"buildkitd github.com/moby/buildkit v0.33.1 \n":                                               "v0.33.1",
		"runc version 1.5.2\nspec: 1.3.0\ngo: go1.26.8\nlibseccomp: 2.5.4\n":                          "1.5.2",
		"containerd-shim-gocompose-v1:\n  Version:  v0.2.0\n  Revision: \n  Go version: go1.26.8\n\n": "v0.2.0",
		"Segmentation fault\n": "",
	} {
		if got := versionIn(output); got != want {
			t.Errorf("in %q found %q, want %q", output, got, want)
		}
	}
}
