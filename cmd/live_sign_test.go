//go:build live

package cmd_test

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gocompose/gocompose/internal/livetest"
)

// signing are the commands of scripts about signatures. Keys have names, and are the same in
// all scripts of a run.
//
//	key NAME FILE                        writes the public key
//	sign NAME FORM REPO:TAG [OTHER]      puts a signature beside an image: of it, or of another one
func signing(t *testing.T, r livetest.Registry) map[string]func(*testscript.TestScript, bool, []string) {
	keys := map[string]livetest.Signer{"ours": livetest.NewSigner(t), "theirs": livetest.NewSigner(t)}
	return map[string]func(*testscript.TestScript, bool, []string){
		"key": func(ts *testscript.TestScript, _ bool, args []string) {
			text, err := keys[args[0]].PublicKey()
			ts.Check(err)
			ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o644))
		},
		"sign": func(ts *testscript.TestScript, _ bool, args []string) {
			digest, err := r.Digest(args[len(args)-1])
			ts.Check(err)
			ts.Check(r.Sign(keys[args[0]], livetest.Form(args[1]), args[2], digest))
		},
	}
}
