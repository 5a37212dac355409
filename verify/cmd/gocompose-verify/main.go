// Command gocompose-verify tells gocompose whether an image is signed as a policy
// asks for: a request on standard input, the verdict on standard output, both JSON.
// It is a program of its own so that gocompose starts without what it is made of.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/gocompose/gocompose/verify/check"
)

func main() {
	if err := answer(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func answer(in io.Reader, out io.Writer) error {
	var request check.Request
	decoder := json.NewDecoder(in)
	decoder.DisallowUnknownFields() // of another version: what is not understood might matter
	if err := decoder.Decode(&request); err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	verdict, err := check.Do(request)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(verdict)
}
