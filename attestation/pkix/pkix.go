// Package pkix judges PKIX Evidence, in which an HSM describes itself and its keys.
//
// It follows draft-ietf-rats-pkix-key-attestation-07. Two numbers of the draft are
// not assigned yet, so both are configuration: the arc of elements and claims, and
// the extended key usage of attestation keys.
//
// A good verdict proves that the registered attestation key signed claims about
// exactly this key: PKCS#11 attributes, as the HSM reports them. It does not prove
// that the module has the FIPS certificate that its claims speak of, and without
// a nonce not when the claims were true.
package pkix

import (
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/manoward/manoward/attestation"
)

// Values that stand in for numbers that the draft leaves open; the samples of the
// working group use them.
const (
	SampleArc   = "1.3.6.1.5.5.999"
	SampleUsage = "1.3.6.1.5.5.7.3.999"
)

// Clocks of HSMs drift: a statement may be this much from the future.
const skew = 5 * time.Minute

// Config has the numbers that are not assigned yet.
type Config struct {
	Arc   string // id-evidence, dotted; SampleArc when empty
	Usage string // id-kp-attestationKey, dotted; SampleUsage when empty
}

// Format judges Evidence. It does not change after [New].
type Format struct{ arc, usage string }

// New makes the format with these numbers.
func New(c Config) (*Format, error) {
	f := &Format{c.Arc, c.Usage}
	if f.arc == "" {
		f.arc = SampleArc
	}
	if f.usage == "" {
		f.usage = SampleUsage
	}
	for _, text := range []string{f.arc, f.usage} {
		if oid, err := x509.ParseOID(text); err != nil || oid.String() != text {
			return nil, fmt.Errorf("set up PKIX Evidence: %q is not an OID in dotted form", text)
		}
	}
	return f, nil
}

// Name returns "pkix-evidence".
func (f *Format) Name() string { return "pkix-evidence" }

// Verify judges a statement. See [attestation.Format].
func (f *Format) Verify(in attestation.Input) attestation.Result {
	var res attestation.Result
	e, err := parseEvidence(in.Statement)
	if err != nil {
		res.Fail(err, attestation.StatementMalformed)
		return res
	}
	signer, signers, err := e.verify(in, f.usage)
	if err != nil {
		res.Fail(err, attestation.StatementMalformed)
		return res
	}
	elements, err := f.understand(e.elements, in.Policy.UnknownClaims)
	if err != nil {
		res.Fail(err, attestation.StatementMalformed)
		return res
	}
	for _, el := range elements {
		switch el.kind {
		case transaction:
			el.transaction(&res, in, signers)
		case platform:
			el.say(&res)
		}
	}
	if len(in.Nonce) > 0 && !slices.ContainsFunc(elements, func(el element) bool { return el.has("nonce") }) {
		res.Fail(attestation.Because(attestation.NonceMissing, "the statement contains no nonce"), "")
	}
	keys(&res, elements, in)
	res.Grade(signer)
	return res
}

// Describe returns what a statement says: each element, and its claims. See
// [attestation.Format].
func (f *Format) Describe(statement []byte) ([]attestation.Claim, error) {
	e, err := parseEvidence(statement)
	if err != nil {
		return nil, err
	}
	elements, err := f.understand(e.elements, true)
	if err != nil {
		return nil, err
	}
	var res attestation.Result
	for _, el := range elements {
		res.Say("element", map[string]string{transaction: "transaction", platform: "platform", key: "key"}[el.kind])
		el.say(&res)
		if spki, ok := el.octets("spki"); ok {
			res.Say("key", attestation.KeyDigest(spki))
		}
	}
	return res.Claims, nil
}

// transaction checks what the statement says about itself.
func (el element) transaction(res *attestation.Result, in attestation.Input, signers [][]byte) {
	el.say(res)
	if nonce, ok := el.octets("nonce"); ok && len(in.Nonce) > 0 && subtle.ConstantTimeCompare(nonce, in.Nonce) != 1 {
		res.Fail(attestation.Because(attestation.NonceMismatch, "the nonce of the statement is not what was asked for"), "")
	}
	if at, ok := el.time("timestamp"); ok && at.After(in.Time.Add(skew)) {
		res.Fail(attestation.Because(attestation.StatementTime, "the statement was made at %s, which is in the future", at.Format(time.RFC3339)), "")
	}
	if named := el.all("ak-spki"); len(named) > 0 {
		for _, s := range signers {
			if !slices.ContainsFunc(named, func(spki []byte) bool { return attestation.SameKey(spki, s) }) {
				res.Fail(attestation.Because(attestation.AttesterUnknown, "the statement names its signers (ak-spki), and one who signed is not among them"), "")
			}
		}
	}
}

// keys finds what the statement says about the key of the request. A key may be
// reported more than once, as an HSM may hold it in two places; the weakest counts.
func keys(res *attestation.Result, elements []element, in attestation.Input) {
	reported := 0
	for _, el := range elements {
		spki, ok := el.octets("spki")
		if el.kind != key || !ok {
			continue
		}
		reported++
		if attestation.SameKey(spki, in.Key) {
			res.Key = in.Key
			el.say(res)
			el.protection(res, in.Time)
		}
	}
	switch {
	case res.Key != nil:
	case reported == 0:
		res.Fail(attestation.Because(attestation.KeyMissing, "the statement reports no public key"), "")
	default:
		res.Fail(attestation.Because(attestation.KeyMismatch, "the statement reports %d keys, and the key of the request is not among them", reported), "")
	}
}

// protection says what the claims about a key lack.
func (el element) protection(res *attestation.Result, at time.Time) {
	for _, c := range []struct {
		name string
		good bool
		code attestation.Code
		text string
	}{
		{"extractable", false, attestation.KeyExtractable, "the key can be exported (extractable)"},
		{"sensitive", true, attestation.KeyExposed, "the key may leave the device in the clear (not sensitive)"},
		{"never-extractable", true, attestation.KeyExtractable, "the key could be exported once (not never-extractable)"},
		{"local", true, attestation.KeyImported, "the key was not made in the device (not local)"},
	} {
		switch value, ok := el.boolean(c.name); {
		case !ok:
			res.Lack(attestation.ClaimMissing, "the statement does not say whether the key is %s", c.name)
		case value != c.good:
			res.Lack(c.code, "%s", c.text)
		}
	}
	if purposes, ok := el.purposes(); ok && !slices.Contains(purposes, "sign") {
		res.Lack(attestation.KeyPurpose, "the key is not for signing")
	}
	if end, ok := el.time("expiry"); ok && !at.Before(end) {
		res.Fail(attestation.Because(attestation.KeyExpired, "the key was good until %s", end.Format(time.RFC3339)), "")
	}
}

// say adds the claims of the element to the verdict.
func (el element) say(res *attestation.Result) {
	for _, c := range el.claims {
		switch v := c.value.(type) {
		case nil:
			res.Say(c.name, "not reported")
		case []byte:
			res.Say(c.name, hex.EncodeToString(v))
		case time.Time:
			res.Say(c.name, v.Format(time.RFC3339))
		default:
			res.Say(c.name, v)
		}
	}
}
