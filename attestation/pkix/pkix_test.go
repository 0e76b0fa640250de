package pkix_test

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"testing"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/pkix"
	kit "github.com/manoward/manoward/internal/testkit/attestkit"
)

func TestAccepted(t *testing.T) {
	for _, config := range []pkix.Config{{}, {Arc: "2.25.147609804363464683587275685586285789636", Usage: "2.999.8"}} {
		h := hsm{t, config.Arc}
		if h.arc == "" {
			h.arc = pkix.SampleArc
		}
		key := kit.P384(t)
		for name, ak := range map[string]crypto.Signer{"P-256": kit.P256(t), "RSA": kit.RSA(t, 1)} {
			statement := signed(t, ak,
				h.element("0", h.claim("0.0", kit.Octets([]byte("nonce"))), h.claim("0.1", kit.Time(kit.Now)), h.claim("0.2", kit.Octets(kit.SPKI(t, ak)))),
				h.element("1", h.claim("1.0", kit.UTF8("Maker")), h.claim("1.10", kit.Bool(true)), h.claim("1.12", kit.Int(3)), h.claim("1.4")),
				h.key("other", kit.SPKI(t, kit.P256(t)), map[string][]byte{"2.2": kit.Bool(true)}),
				h.key("mine", kit.SPKI(t, key), nil))
			req := kit.Request(t, statementOID, key, ak, statement)
			req.Nonce = []byte("nonce")
			v := registry(t, config).Verify(req)
			kit.Expect(t, name, v)
			for _, want := range []attestation.Claim{{Name: "fipslevel", Value: "3"}, {Name: "fipsboot", Value: "true"}, {Name: "identifier", Value: "mine"},
				{Name: "extractable", Value: "false"}, {Name: "purpose", Value: "[sign]"}, {Name: "hwserial", Value: "not reported"}, {Name: "timestamp", Value: "2026-11-01T12:00:00Z"}} {
				if !slices.Contains(v.Claims, want) {
					t.Errorf("%s: no claim %v in %v", name, want, v.Claims)
				}
			}
			if slices.Contains(v.Claims, attestation.Claim{Name: "identifier", Value: "other"}) || v.Assurance != attestation.Protected {
				t.Errorf("%s: %+v", name, v)
			}
		}
	}
}

// What a key claims decides how far it is trusted.
func TestProtection(t *testing.T) {
	h, ak, key := hsm{t, pkix.SampleArc}, kit.P256(t), kit.P256(t)
	const low, missing = attestation.AssuranceLow, attestation.ClaimMissing
	for name, tt := range map[string]struct {
		change map[string][]byte
		codes  []attestation.Code
	}{
		"extractable":                  {map[string][]byte{"2.2": kit.Bool(true)}, []attestation.Code{low, attestation.KeyExtractable}},
		"not sensitive":                {map[string][]byte{"2.3": kit.Bool(false)}, []attestation.Code{low, attestation.KeyExposed}},
		"extractable once":             {map[string][]byte{"2.4": kit.Bool(false)}, []attestation.Code{low, attestation.KeyExtractable}},
		"imported":                     {map[string][]byte{"2.5": kit.Bool(false)}, []attestation.Code{low, attestation.KeyImported}},
		"for decryption":               {map[string][]byte{"2.7": kit.Seq(h.oid(".2.1"))}, []attestation.Code{low, attestation.KeyPurpose}},
		"for what nobody knows":        {map[string][]byte{"2.7": kit.Seq(h.oid(".2.9"), kit.OID(t, "2.999.1"))}, []attestation.Code{low, attestation.KeyPurpose}},
		"purpose not said":             {map[string][]byte{"2.7": nil}, nil},
		"extractable not said":         {map[string][]byte{"2.2": nil}, []attestation.Code{low, missing}},
		"nothing said":                 {map[string][]byte{"2.2": nil, "2.3": nil, "2.4": nil, "2.5": nil}, []attestation.Code{low, missing, missing, missing, missing}},
		"over":                         {map[string][]byte{"2.6": kit.Time(kit.Now)}, []attestation.Code{attestation.KeyExpired}},
		"not over":                     {map[string][]byte{"2.6": kit.Time(kit.Now.Add(time.Second))}, nil},
		"extractable, in another type": {map[string][]byte{"2.2": kit.Int(0)}, []attestation.Code{attestation.StatementMalformed}},
		"extractable, not quite":       {map[string][]byte{"2.2": kit.TLV(1, []byte{2})}, []attestation.Code{attestation.StatementMalformed}},
		"purpose that is no list":      {map[string][]byte{"2.7": h.oid(".2.4")}, []attestation.Code{attestation.StatementMalformed}},
	} {
		req := kit.Request(t, statementOID, key, ak, signed(t, ak, h.key("k", kit.SPKI(t, key), tt.change)))
		kit.Expect(t, name, registry(t, pkix.Config{}).Verify(req), tt.codes...)
	}
	// One key in two places: the weaker one counts.
	twice := signed(t, ak, h.key("a", kit.SPKI(t, key), nil), h.key("b", kit.SPKI(t, key), map[string][]byte{"2.2": kit.Bool(true)}))
	kit.Expect(t, "reported twice", registry(t, pkix.Config{}).Verify(kit.Request(t, statementOID, key, ak, twice)), low, attestation.KeyExtractable)
}

func TestHostile(t *testing.T) {
	h, ak, key, other := hsm{t, pkix.SampleArc}, kit.P256(t), kit.P256(t), kit.P256(t)
	spki := kit.SPKI(t, key)
	good := h.key("k", spki, nil)
	body := tbs(good)
	by := func(body []byte, blocks ...[]byte) []byte { return kit.Seq(body, kit.Seq(blocks...)) }
	mine := block(t, ak, sidSPKI(kit.SPKI(t, ak)), body)
	theirs := block(t, other, sidSPKI(kit.SPKI(t, other)), body)
	forged := block(t, other, sidSPKI(kit.SPKI(t, ak)), body)
	vendor := kit.Seq(kit.OID(t, "2.999.1"), kit.Seq(kit.Seq(kit.OID(t, "2.999.2"), kit.Int(1))))
	raw := func(body []byte) []byte { return by(body, block(t, ak, sidSPKI(kit.SPKI(t, ak)), body)) }
	const malformed, unknown = attestation.StatementMalformed, attestation.ClaimUnknown
	for name, tt := range map[string]struct {
		statement []byte
		code      attestation.Code
	}{
		"no key element":               {signed(t, ak, h.element("1", h.claim("1.0", kit.UTF8("Maker")))), attestation.KeyMissing},
		"key without its key":          {signed(t, ak, h.element("2", h.claim("2.0", kit.UTF8("k")))), attestation.KeyMissing},
		"the attester's key reported":  {signed(t, ak, h.key("k", kit.SPKI(t, ak), nil)), attestation.KeyMismatch},
		"another key":                  {signed(t, ak, h.key("k", kit.SPKI(t, other), nil)), attestation.KeyMismatch},
		"unsigned":                     {by(body), attestation.StatementUnsigned},
		"another attester":             {by(body, theirs), attestation.AttesterUnknown},
		"signed in another's name":     {by(body, forged), attestation.StatementSignature},
		"one of two signatures false":  {by(body, mine, forged), attestation.StatementSignature},
		"changed after signing":        {by(tbs(h.key("K", spki, nil)), mine), attestation.StatementSignature},
		"key id that nobody knows":     {by(body, block(t, ak, sidKeyID([]byte("who?")), body)), attestation.AttesterUnknown},
		"key id of another key":        {by(body, block(t, ak, kit.Seq(kit.Explicit(0, kit.Octets([]byte("who?"))), kit.Explicit(1, kit.SPKI(t, ak))), body)), malformed},
		"algorithm of another hash":    {by(body, kit.Seq(sidSPKI(kit.SPKI(t, ak)), kit.Seq(kit.OID(t, "1.2.840.10045.4.3.3")), kit.Octets(kit.Sign(t, ak, body)))), attestation.StatementSignature},
		"algorithm SHA-1":              {by(body, kit.Seq(sidSPKI(kit.SPKI(t, ak)), kit.Seq(kit.OID(t, "1.2.840.10045.4.1")), kit.Octets(kit.Sign(t, ak, body)))), attestation.StatementAlgorithm},
		"algorithm with odd parameter": {by(body, kit.Seq(sidSPKI(kit.SPKI(t, ak)), kit.Seq(kit.OID(t, "1.2.840.10045.4.3.2"), kit.TLV(5)), kit.Octets(kit.Sign(t, ak, body)))), attestation.StatementAlgorithm},
		"names another attester":       {signed(t, ak, h.element("0", h.claim("0.2", kit.Octets(kit.SPKI(t, other)))), good), attestation.AttesterUnknown},
		"from the future":              {signed(t, ak, h.element("0", h.claim("0.1", kit.Time(kit.Now.Add(time.Hour)))), good), attestation.StatementTime},
		"time of no calendar":          {signed(t, ak, h.element("0", h.claim("0.1", kit.TLV(24, []byte("20261301000000Z")))), good), malformed},
		"two transactions":             {signed(t, ak, h.element("0", h.claim("0.1")), h.element("0", h.claim("0.1")), good), malformed},
		"two platforms":                {signed(t, ak, h.element("1", h.claim("1.0")), h.element("1", h.claim("1.0")), good), malformed},
		"two keys of one name":         {signed(t, ak, good, h.key("k", kit.SPKI(t, other), nil)), malformed},
		"key without name":             {signed(t, ak, h.element("2", h.claim("2.1", kit.Octets(spki)))), malformed},
		"claim twice":                  {signed(t, ak, h.element("2", h.claim("2.0", kit.UTF8("k")), h.claim("2.2", kit.Bool(true)), h.claim("2.2", kit.Bool(false)))), malformed},
		"unknown element":              {signed(t, ak, vendor, good), unknown},
		"unknown claim":                {signed(t, ak, h.element("1", h.claim("1.14", kit.Int(1))), good), unknown},
		"claim of another element":     {signed(t, ak, h.element("1", h.claim("2.2", kit.Bool(false))), good), unknown},
		"claims of another arc":        {signed(t, ak, hsm{t, "1.2.3.999"}.key("k", spki, nil)), unknown},
		"version 2":                    {raw(kit.Seq(kit.Int(2), kit.Seq(good))), malformed},
		"nothing reported":             {raw(tbs()), malformed},
		"element without claims":       {raw(tbs(kit.Seq(h.oid(".0.2")))), malformed},
		"element with no claims":       {raw(tbs(kit.Seq(h.oid(".0.2"), kit.Seq()))), malformed},
		"claim without type":           {raw(tbs(kit.Seq(h.oid(".0.2"), kit.Seq(kit.Seq())))), malformed},
		"claim with two values":        {raw(tbs(h.element("1", h.claim("1.0", kit.UTF8("a"), kit.UTF8("b"))))), malformed},
		"too many elements":            {raw(tbs(slices.Repeat([][]byte{h.element("1", h.claim("1.0"))}, 65)...)), malformed},
		"too many claims":              {raw(tbs(h.element("1", slices.Repeat([][]byte{h.claim("1.0")}, 65)...))), malformed},
		"too many signatures":          {by(body, slices.Repeat([][]byte{mine}, 9)...), malformed},
		"bytes behind":                 {append(signed(t, ak, good), 5, 0), attestation.BundleMalformed},
		"part behind":                  {kit.Seq(body, kit.Seq(mine), kit.Seq()), malformed},
		"no signatures at all":         {kit.Seq(body), malformed},
		"signer without identity":      {by(body, block(t, ak, kit.Seq(), body)), malformed},
		"signer in the wrong order":    {by(body, block(t, ak, kit.Seq(kit.Explicit(1, kit.SPKI(t, ak)), kit.Explicit(0, kit.Octets(nil))), body)), malformed},
		"signer with a broken key":     {by(body, block(t, ak, sidSPKI(kit.Seq()), body), mine), attestation.AttesterWeak},
		"certificate that is none":     {by(body, block(t, ak, kit.Seq(kit.Explicit(2, kit.Seq())), body)), malformed},
		"intermediate that is none":    {kit.Seq(body, kit.Seq(mine), kit.Explicit(0, kit.Seq(kit.Seq()))), malformed},
		"block with two parts":         {by(body, kit.Seq(sidSPKI(kit.SPKI(t, ak)), algorithm(t, ak))), malformed},
	} {
		kit.Expect(t, name, registry(t, pkix.Config{}).Verify(kit.Request(t, statementOID, key, ak, tt.statement)), tt.code)
	}

	lax := kit.Request(t, statementOID, key, ak, signed(t, ak, vendor, h.element("1", h.claim("1.14", kit.Int(1))), good))
	lax.Policy.UnknownClaims = true
	kit.Expect(t, "unknown things, allowed", registry(t, pkix.Config{}).Verify(lax))
	for name, code := range map[string]attestation.Code{"": attestation.NonceMissing, "yesterday": attestation.NonceMismatch} {
		elements := [][]byte{good}
		if name != "" {
			elements = append(elements, h.element("0", h.claim("0.0", kit.Octets([]byte(name)))))
		}
		req := kit.Request(t, statementOID, key, ak, signed(t, ak, elements...))
		req.Nonce = []byte("challenge")
		kit.Expect(t, "nonce "+name, registry(t, pkix.Config{}).Verify(req), code)
	}
}

// Who signed is found by what the statement says, and trusted by what was registered.
func TestSigners(t *testing.T) {
	h, ak, key, other, rootKey := hsm{t, pkix.SampleArc}, kit.P256(t), kit.P256(t), kit.P256(t), kit.P256(t)
	root := kit.Issue(t, kit.Cert{Name: "root", CA: true}, rootKey, nil, nil)
	interKey := kit.P256(t)
	inter := kit.Issue(t, kit.Cert{Name: "inter", CA: true}, interKey, root, rootKey)
	cert := kit.Issue(t, kit.Cert{Name: "ak", Usage: pkix.SampleUsage}, ak, inter, interKey)
	ended := kit.Issue(t, kit.Cert{Name: "ak", Usage: pkix.SampleUsage, From: kit.Now.AddDate(-3, 0, 0), To: kit.Now.AddDate(-2, 0, 0)}, ak, inter, interKey)
	imposter := kit.Issue(t, kit.Cert{Name: "ak", Usage: pkix.SampleUsage}, other, nil, nil)
	spki := kit.SPKI(t, ak)
	var info struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(spki, &info); err != nil {
		t.Fatal(err)
	}
	old, long := sha1.Sum(info.Key.Bytes), sha256.Sum256(info.Key.Bytes)
	body := tbs(h.key("k", kit.SPKI(t, key), nil))
	by := func(tail []byte, blocks ...[]byte) []byte {
		if tail == nil {
			return kit.Seq(body, kit.Seq(blocks...))
		}
		return kit.Seq(body, kit.Seq(blocks...), tail)
	}
	sign := func(sid []byte) []byte { return block(t, ak, sid, body) }
	second := block(t, other, sidCert(imposter), body)
	roots := attestation.Attester{Roots: []*x509.Certificate{root}}
	bare := attestation.Attester{Key: spki}
	for name, tt := range map[string]struct {
		attester  attestation.Attester
		statement []byte
		level     attestation.Assurance
		code      attestation.Code
	}{
		"key id of RFC 5280":               {bare, by(nil, sign(sidKeyID(old[:]))), attestation.Protected, ""},
		"key id of RFC 7093":               {bare, by(nil, sign(sidKeyID(long[:20]))), attestation.Protected, ""},
		"key id and key":                   {bare, by(nil, sign(kit.Seq(kit.Explicit(0, kit.Octets(long[:])), kit.Explicit(1, spki)))), attestation.Protected, ""},
		"certificate of a registered key":  {bare, by(nil, sign(sidCert(cert))), attestation.Protected, ""},
		"two signers, one registered":      {bare, by(nil, second, sign(sidSPKI(spki))), attestation.Protected, ""},
		"key and roots":                    {attestation.Attester{Key: spki, Roots: roots.Roots}, by(intermediates(inter), sign(sidCert(cert))), attestation.Genuine, ""},
		"roots alone, implicit tag":        {roots, by(kit.Explicit(0, inter.Raw), sign(sidCert(cert))), attestation.Genuine, ""},
		"roots alone, two implicit":        {roots, by(kit.Explicit(0, root.Raw, inter.Raw), sign(sidCert(cert))), attestation.Genuine, ""},
		"chain and roots, key id":          {attestation.Attester{Chain: []*x509.Certificate{cert, inter}, Roots: roots.Roots}, by(nil, sign(sidKeyID(cert.SubjectKeyId))), attestation.Genuine, ""},
		"roots alone":                      {roots, by(intermediates(inter), sign(sidCert(cert))), attestation.Genuine, ""},
		"roots alone, and an imposter":     {roots, by(intermediates(inter), second, sign(sidCert(cert))), attestation.Genuine, ""},
		"roots alone, imposter only":       {roots, by(intermediates(inter), second), attestation.None, attestation.AttesterChain},
		"roots alone, shown but not used":  {roots, by(intermediates(inter, cert), block(t, other, sidSPKI(kit.SPKI(t, other)), body)), attestation.None, attestation.AttesterUnknown},
		"roots alone, no intermediate":     {roots, by(nil, sign(sidCert(cert))), attestation.None, attestation.AttesterChain},
		"roots alone, expired":             {roots, by(intermediates(inter), sign(sidCert(ended))), attestation.None, attestation.AttesterExpired},
		"certificate of another key":       {bare, by(nil, sign(kit.Seq(kit.Explicit(1, spki), kit.Explicit(2, imposter.Raw)))), attestation.None, attestation.StatementMalformed},
		"a registration that says nothing": {attestation.Attester{}, by(nil, sign(sidCert(cert))), attestation.None, attestation.AttesterInvalid},
	} {
		req := kit.Request(t, statementOID, key, ak, tt.statement)
		req.Attester = tt.attester
		req.Attester.Statement = statementOID
		v := registry(t, pkix.Config{}).Verify(req)
		if tt.code != "" {
			kit.Expect(t, name, v, tt.code)
			continue
		}
		kit.Expect(t, name, v)
		if v.Assurance != tt.level {
			t.Errorf("%s: %s, want %s", name, v.Assurance, tt.level)
		}
	}
}

func TestDescribe(t *testing.T) {
	h, ak, key := hsm{t, pkix.SampleArc}, kit.P256(t), kit.P256(t)
	f, err := pkix.New(pkix.Config{})
	if err != nil {
		t.Fatal(err)
	}
	claims, err := f.Describe(signed(t, ak, h.element("1", h.claim("1.0", kit.UTF8("Maker"))), h.key("k", kit.SPKI(t, key), nil)))
	for _, want := range []attestation.Claim{{Name: "element", Value: "platform"}, {Name: "vendor", Value: "Maker"}, {Name: "key", Value: attestation.KeyDigest(kit.SPKI(t, key))}} {
		if err != nil || !slices.Contains(claims, want) {
			t.Errorf("no %v: %v, %v", want, claims, err)
		}
	}
	for name, statement := range map[string][]byte{"nothing": nil, "key without name": signed(t, ak, h.element("2", h.claim("2.2", kit.Bool(true))))} {
		if claims, err := f.Describe(statement); err == nil {
			t.Errorf("%s: %v", name, claims)
		}
	}
}

func TestNew(t *testing.T) {
	for _, c := range []pkix.Config{{Arc: "1.3.6.1.5.5.TBD"}, {Usage: "attestation"}, {Arc: "1.3.06"}} {
		if f, err := pkix.New(c); err == nil {
			t.Errorf("%v: made as %s", c, f.Name())
		}
	}
}

// A mutated statement is never accepted, unless its signed part is what it was.
func FuzzStatement(f *testing.F) {
	h, ak, key := hsm{f, pkix.SampleArc}, kit.Fixed(f, "ak"), kit.Fixed(f, "key")
	spki := kit.SPKI(f, key)
	cert := kit.Issue(f, kit.Cert{Name: "ak", Usage: pkix.SampleUsage}, ak, nil, nil)
	body := tbs(h.element("0", h.claim("0.1", kit.Time(kit.Now)), h.claim("0.2", kit.Octets(kit.SPKI(f, ak)))), h.element("1", h.claim("1.12", kit.Int(3))), h.key("k", spki, nil))
	for _, sid := range [][]byte{sidSPKI(kit.SPKI(f, ak)), sidCert(cert), sidKeyID(cert.SubjectKeyId)} {
		f.Add(kit.Seq(body, kit.Seq(block(f, ak, sid, body)), intermediates(cert)))
	}
	f.Add(kit.Seq(body, kit.Seq()))
	r := registry(f, pkix.Config{})
	req := attestation.Request{Time: kit.Now, Policy: attestation.Policy{UnknownClaims: true},
		Attester: attestation.Attester{Statement: statementOID, Key: kit.SPKI(f, ak)}}
	kit.Expect(f, "the seed", r.Verify(kit.Request(f, statementOID, key, ak, kit.Seq(body, kit.Seq(block(f, ak, sidCert(cert), body)), intermediates(cert)))))
	f.Fuzz(func(t *testing.T, data []byte) {
		v := r.VerifyStatement(spki, attestation.Statement{OID: statementOID, DER: data}, nil, req)
		if v.Accepted && !bytes.Contains(data, body) {
			t.Errorf("accepted what no HSM signed: %x", data)
		}
		if !v.Accepted && len(v.Reasons) == 0 {
			t.Error("refused without a reason")
		}
		// The claims behind the signature, which fuzzing cannot make: signed as they come.
		if len(data) < 1024 {
			forged := kit.Seq(data, kit.Seq(block(t, ak, sidSPKI(kit.SPKI(t, ak)), data)))
			r.VerifyStatement(spki, attestation.Statement{OID: statementOID, DER: forged}, nil, req)
		}
	})
}
