package main

import (
	"bytes"
	"strings"
	"testing"
)

// What gocompose writes, with all that it may have in it.
const request = `{"digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","policy":POLICY,` +
	`"signatures":[{"payload":"cA==","signature":"s","certificate":"c","log":"l","timestamp":"t"}],"bundles":["Yg=="]}`

const key = `{"key":"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEyfzfuUDn5b1Opcq67unovuXl5vu+\n` +
	`sX67HCJTpElex0kP+o6sRVh6gCyJvDMVdTPNOQuPL8n1NEM6r+PP9Br6/g==\n-----END PUBLIC KEY-----\n"}`

func TestARequestIsAnswered(t *testing.T) {
	for name, tt := range map[string]struct{ policy, out, err string }{
		"by key":             {policy: key, out: `{"verified":false,"reason":"a signature is not base64; a bundle cannot be read`},
		"by identity":        {policy: `{"identity":"i","identityRegexp":"i","issuer":"j","issuerRegexp":"j","root":"e30="}`, err: "the root is not a trusted_root.json"},
		"of a later version": {policy: `{"later":1}`, err: `unknown field "later"`},
		"no request":         {policy: `{`, err: "reading the request"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := answer(strings.NewReader(strings.Replace(request, "POLICY", tt.policy, 1)), &out)
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) || !strings.HasPrefix(out.String(), tt.out) {
				t.Errorf("got %s, %v", out.String(), err)
			}
		})
	}
}
