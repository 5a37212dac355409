package loader

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/gocompose/gocompose/project"
)

// maxProfile is far beyond Docker's own profile, 14 KB, in bytes.
const maxProfile = 1 << 20

// seccomp returns the profile that an option names, with the content of its file:
// one that has changed is another profile.
func (p place) seccomp(value string, privileged bool) (string, error) {
	switch value {
	case "":
		return "", errors.New("names no profile; want a file, builtin or unconfined")
	case project.SeccompUnconfined:
		return value, nil
	case project.SeccompBuiltin:
		if !privileged { // it is the default
			return "", nil
		}
		return value, nil
	}
	path := p.c.model.RelativePath(value)
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading the seccomp profile: %w", err)
	}
	if len(content) > maxProfile {
		return "", fmt.Errorf("the seccomp profile %s has more than a megabyte", value)
	}
	if err := checkProfile(content); err != nil {
		return "", fmt.Errorf("the seccomp profile %s%w", value, err)
	}
	var compact bytes.Buffer
	err = json.Compact(&compact, content)
	return compact.String(), err
}

// checkProfile finds what keeps a profile from being one, in words that follow
// its name.
func checkProfile(content []byte) error {
	var profile seccomp.Seccomp
	if err := json.Unmarshal(content, &profile); err != nil {
		return fmt.Errorf("%s: %w", lineOf(content, err), err)
	}
	if profile.DefaultAction == "" && len(profile.Syscalls) == 0 {
		return errors.New(" allows everything, as it is empty; for that write seccomp=unconfined")
	}
	if err := checkRules(profile); err != nil {
		return err
	}
	none := &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{}}}
	if _, err := seccomp.LoadProfile(string(content), none); err != nil {
		return fmt.Errorf(": %w", err)
	}
	return nil
}

func checkRules(profile seccomp.Seccomp) error {
	if !isAction(profile.DefaultAction) {
		return fmt.Errorf(": defaultAction %q is not one like SCMP_ACT_ERRNO", profile.DefaultAction)
	}
	for i, call := range profile.Syscalls {
		if call == nil || call.Name == "" && len(call.Names) == 0 {
			return fmt.Errorf(": syscalls[%d] names no system call", i)
		}
		if !isAction(call.Action) {
			return fmt.Errorf(": syscalls[%d]: action %q is not one like SCMP_ACT_ALLOW", i, call.Action)
		}
		for _, arg := range call.Args {
			if !slices.Contains(operators(), arg.Op) {
				return fmt.Errorf(": syscalls[%d]: op %q is not one like SCMP_CMP_EQ", i, arg.Op)
			}
		}
	}
	return nil
}

// lineOf returns ":3", the line that a JSON error is on, or nothing.
func lineOf(content []byte, err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	offset := int64(0)
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset = kind.Offset
	}
	if offset == 0 || offset > int64(len(content)) {
		return ""
	}
	return fmt.Sprintf(":%d", 1+bytes.Count(content[:offset], []byte("\n")))
}

func isAction(a specs.LinuxSeccompAction) bool {
	return slices.Contains([]specs.LinuxSeccompAction{
		specs.ActKill, specs.ActKillProcess, specs.ActKillThread, specs.ActTrap, specs.ActErrno,
		specs.ActTrace, specs.ActAllow, specs.ActLog, specs.ActNotify,
	}, a)
}

func operators() []specs.LinuxSeccompOperator {
	return []specs.LinuxSeccompOperator{
		specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual, specs.OpEqualTo,
		specs.OpGreaterEqual, specs.OpGreaterThan, specs.OpMaskedEqual,
	}
}
