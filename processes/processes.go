// Package processes tells of processes of this host what ps tells, without it.
package processes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is one, as the host sees it.
type Process struct {
	UID       int // the effective one
	PID, PPID int
	Began     time.Time
	Used      time.Duration // of processors
	TTY       string        // "pts/0"; "?": none
	Command   string        // with arguments; that of a process without any in brackets
}

// Read returns the processes with these numbers, but those that have gone.
func Read(pids []int) ([]Process, error) { return read("/proc", pids) }

func read(proc string, pids []int) ([]Process, error) {
	text, err := os.ReadFile(filepath.Join(proc, "stat"))
	if err != nil {
		return nil, err
	}
	booted, err := bootTime(string(text))
	if err != nil {
		return nil, err
	}
	var all []Process
	for _, pid := range pids {
		p, err := one(filepath.Join(proc, strconv.Itoa(pid)), booted)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading process %d: %w", pid, err)
		}
		all = append(all, p)
	}
	return all, nil
}

func one(dir string, booted time.Time) (Process, error) {
	var texts [3]string
	for i, name := range []string{"stat", "status", "cmdline"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return Process{}, err
		}
		texts[i] = string(b)
	}
	p, name, err := parseStat(texts[0], booted)
	if err != nil {
		return p, err
	}
	p.UID, err = effectiveUser(texts[1])
	p.Command = command(texts[2], name)
	return p, err
}

// ticks is the unit of times in /proc, USER_HZ: 100 a second on all platforms that
// containers run on.
const ticks = time.Second / 100

// Places in /proc/PID/stat behind the program's name, which is in parentheses and
// may have any character in it (proc_pid_stat(5)).
const (
	statState = iota
	statParent
	_
	_
	statTTY
	statUser   = 11
	statSystem = 12
	statBegan  = 19
	statLength = statBegan + 1
)

func parseStat(text string, booted time.Time) (Process, string, error) {
	pid, rest, _ := strings.Cut(text, " (")
	end := strings.LastIndex(rest, ") ")
	fields := strings.Fields(rest[max(end+1, 0):])
	if end < 0 || len(fields) < statLength {
		return Process{}, "", fmt.Errorf("%q is no stat of a process", text)
	}
	numbers := map[int]int64{}
	for _, i := range []int{statParent, statTTY, statUser, statSystem, statBegan} {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return Process{}, "", err
		}
		numbers[i] = n
	}
	id, err := strconv.Atoi(pid)
	name := "[" + rest[:end] + "]"
	if fields[statState] == "Z" {
		name += " <defunct>"
	}
	return Process{
		PID: id, PPID: int(numbers[statParent]), TTY: tty(uint64(numbers[statTTY])),
		Began: booted.Add(time.Duration(numbers[statBegan]) * ticks),
		Used:  time.Duration(numbers[statUser]+numbers[statSystem]) * ticks,
	}, name, err
}
