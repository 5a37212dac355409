package check

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	rekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"google.golang.org/protobuf/encoding/protojson"
)

const (
	identity = "release@example.com"
	issuer   = "https://accounts.example.com"
)

// authorities are a certificate authority, a log and a timestamp authority.
type authorities struct{ *ca.VirtualSigstore }

func newAuthorities(t *testing.T) authorities {
	t.Helper()
	a, err := ca.NewVirtualSigstore()
	if err != nil {
		t.Fatal(err)
	}
	return authorities{a}
}

// without are those that a root leaves out; certificates is the log of these.
type without struct{ authority, log, time, certificates bool }

func (a authorities) root(t *testing.T, w without) []byte {
	t.Helper()
	var (
		cas  []root.CertificateAuthority
		tsas []root.TimestampingAuthority
		logs = map[string]*root.TransparencyLog{}
		cts  = map[string]*root.TransparencyLog{}
	)
	if !w.authority {
		cas = a.FulcioCertificateAuthorities()
	}
	if !w.time {
		tsas = a.TimestampingAuthorities()
	}
	if !w.log {
		logs = rawIDs(t, a.RekorLogs())
	}
	if !w.certificates {
		cts = rawIDs(t, a.CTLogs())
	}
	r, err := root.NewTrustedRoot(root.TrustedRootMediaType01, cas, cts, tsas, logs)
	if err != nil {
		t.Fatal(err)
	}
	return encode(t, r)
}

// rawIDs corrects the identifiers, which the authorities have in hexadecimal digits.
func rawIDs(t *testing.T, logs map[string]*root.TransparencyLog) map[string]*root.TransparencyLog {
	t.Helper()
	for id, log := range logs {
		raw, err := hex.DecodeString(id)
		if err != nil {
			t.Fatal(err)
		}
		log.ID = raw
	}
	return logs
}

// classic is a signature of the classic form, and at is when the log says that it
// was made.
func (a authorities) classic(t *testing.T, payload []byte, at time.Time) Signature {
	t.Helper()
	e, err := a.SignAtTime(identity, issuer, payload, at)
	if err != nil {
		t.Fatal(err)
	}
	content, err := e.SignatureContent()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := e.TlogEntries()
	if err != nil {
		t.Fatal(err)
	}
	pem, err := cryptoutils.MarshalCertificateToPEM(certificate(t, e))
	if err != nil {
		t.Fatal(err)
	}
	stamps, err := e.Timestamps()
	if err != nil {
		t.Fatal(err)
	}
	entry, set := a.promise(t, entries[0])
	return Signature{
		Payload: payload, Signature: base64.StdEncoding.EncodeToString(content.Signature()),
		Certificate: string(pem), Log: string(encode(t, map[string]any{"SignedEntryTimestamp": set, "Payload": entry})), // as cosign's annotations
		Timestamp: string(encode(t, map[string]any{"SignedRFC3161Timestamp": stamps[0]})),
	}
}

func certificate(t *testing.T, e *ca.TestEntity) *x509.Certificate {
	t.Helper()
	content, err := e.VerificationContent()
	if err != nil {
		t.Fatal(err)
	}
	return content.Certificate()
}

// promise is the log's answer: the entry, and a promise to have it.
func (a authorities) promise(t *testing.T, entry *tlog.Entry) (p tlog.RekorPayload, set []byte) {
	t.Helper()
	p = tlog.RekorPayload{
		Body: entry.Body().(string), IntegratedTime: entry.IntegratedTime().Unix(),
		LogIndex: entry.LogIndex(), LogID: hex.EncodeToString([]byte(entry.LogKeyID())),
	}
	set, err := a.RekorSignPayload(p)
	if err != nil {
		t.Fatal(err)
	}
	return p, set
}

// bundled is a bundle of a statement, with the log's entry and proof.
func (a authorities) bundled(t *testing.T, statement []byte, at time.Time) []byte {
	t.Helper()
	e, err := a.AttestAtTime(identity, issuer, statement, at, true)
	if err != nil {
		t.Fatal(err)
	}
	content, err := e.SignatureContent()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := e.TlogEntries()
	if err != nil {
		t.Fatal(err)
	}
	logged := entries[0].TransparencyLogEntry()
	logged.KindVersion = &rekor.KindVersion{Kind: "dsse", Version: "0.0.1"}
	_, set := a.promise(t, entries[0])
	logged.InclusionPromise = &rekor.InclusionPromise{SignedEntryTimestamp: set}
	entry, err := protojson.Marshal(logged)
	if err != nil {
		t.Fatal(err)
	}
	envelope := content.EnvelopeContent().RawEnvelope()
	return encode(t, map[string]any{
		"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
		"verificationMaterial": map[string]any{
			"certificate": map[string]any{"rawBytes": certificate(t, e).Raw},
			"tlogEntries": []any{json.RawMessage(entry)},
		},
		"dsseEnvelope": map[string]any{
			"payload": envelope.Payload, "payloadType": envelope.PayloadType,
			"signatures": []any{map[string]any{"sig": envelope.Signatures[0].Sig}},
		},
	})
}

func TestIdentities(t *testing.T) {
	ours, theirs := newAuthorities(t), newAuthorities(t)
	digest := digestOf(manifest)
	at := time.Now().Add(5 * time.Minute) // certificates are valid from now on, for ten minutes
	claim := payload(digest, signTypes[0])
	good := ours.classic(t, claim, at)
	tampered := good
	tampered.Payload = payload(digestOf("another"), signTypes[0])
	unlogged := good
	unlogged.Log = ""
	unstamped := good
	unstamped.Timestamp = ""
	bare := ecKey(t).classic(t, claim)
	ofOurs := Policy{Identity: identity, Issuer: issuer, Root: ours.root(t, without{certificates: true})}
	stamped := ofOurs
	stamped.Root = ours.root(t, without{certificates: true, log: true})
	strict := ofOurs
	strict.Root = ours.root(t, without{})
	as := func(change func(*Policy)) Policy { p := ofOurs; change(&p); return p }
	for name, c := range map[string]struct {
		policy  Policy
		s       Signature
		bundles [][]byte
		reason  string
	}{
		"classic": {policy: ofOurs, s: good},
		"patterns": {policy: as(func(p *Policy) {
			*p = Policy{IdentityRegexp: `@example\.com$`, IssuerRegexp: "^https://accounts", Root: p.Root}
		}), s: good},
		"statement": {policy: ofOurs, s: tampered, bundles: [][]byte{ours.bundled(t, statement(digest, signPredicate), at)}},

		"by timestamp": {policy: stamped, s: unlogged},
		"by the log":   {policy: ofOurs, s: unstamped},

		"unstamped":         {policy: stamped, s: unstamped, reason: "does not hold"},
		"another root":      {policy: ofOurs, s: theirs.classic(t, claim, at), reason: "does not hold"},
		"another identity":  {policy: as(func(p *Policy) { p.Identity = "other@example.com" }), s: good, reason: "does not hold"},
		"another issuer":    {policy: as(func(p *Policy) { p.Issuer = "https://example.org" }), s: good, reason: "does not hold"},
		"expired":           {policy: ofOurs, s: ours.classic(t, claim, at.Add(time.Hour/2)), reason: "does not hold"},
		"too early":         {policy: ofOurs, s: ours.classic(t, claim, at.Add(-time.Hour/2)), reason: "does not hold"},
		"tampered":          {policy: ofOurs, s: tampered, reason: "does not hold"},
		"not in the log":    {policy: ofOurs, s: unlogged, reason: "does not hold"},
		"by a key":          {policy: ofOurs, s: bare, reason: "has no certificate"},
		"other image":       {policy: ofOurs, s: ours.classic(t, payload(digestOf("x"), signTypes[0]), at), reason: "of another image"},
		"not in the other":  {policy: strict, s: good, reason: "does not hold"}, // the log of certificates, which the root has
		"attestation":       {policy: ofOurs, s: tampered, bundles: [][]byte{ours.bundled(t, statement(digest, "https://spdx.dev/Document"), at)}, reason: "is an attestation"},
		"statement expired": {policy: ofOurs, s: tampered, bundles: [][]byte{ours.bundled(t, statement(digest, signPredicate), at.Add(time.Hour/2))}, reason: "a bundle does not hold"},
		"statement's root":  {policy: ofOurs, s: tampered, bundles: [][]byte{theirs.bundled(t, statement(digest, signPredicate), at)}, reason: "a bundle does not hold"},
		"bundle by a key":   {policy: ofOurs, s: tampered, bundles: [][]byte{ecKey(t).bundled(t, statement(digest, signPredicate))}, reason: "a bundle does not hold"},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, Request{Digest: digest, Policy: c.policy, Signatures: []Signature{c.s}, Bundles: c.bundles}, c.reason)
		})
	}
}
