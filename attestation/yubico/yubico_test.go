package yubico_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/yubico"
	kit "github.com/manoward/manoward/internal/testkit/attestkit"
)

const pivArc, hsmArc = "1.3.6.1.4.1.41482.3.", "1.3.6.1.4.1.41482.4."

func registry(t testing.TB) *attestation.Registry {
	t.Helper()
	return kit.Registry(t, map[string]attestation.Format{yubico.PIVOID: yubico.PIV{}, yubico.HSMOID: yubico.HSM{}})
}

func extensions(t testing.TB, arc string, values map[string][]byte) []pkix.Extension {
	t.Helper()
	var all []pkix.Extension
	for _, number := range slices.Sorted(maps.Keys(values)) {
		if values[number] != nil {
			all = append(all, kit.Extension(t, arc+number, values[number]))
		}
	}
	return all
}

// change returns a copy of the extensions with some replaced, or left out when nil.
func change(values, by map[string][]byte) map[string][]byte {
	all := maps.Clone(values)
	maps.Copy(all, by)
	return all
}

func pivValues() map[string][]byte {
	return map[string][]byte{"3": {5, 7, 1}, "7": kit.Int(9), "8": {2, 1}, "9": {1}}
}

func hsmValues() map[string][]byte {
	return map[string][]byte{"1": kit.Octets([]byte{2, 4, 1}), "2": kit.Int(9), "3": kit.TLV(3, []byte{0, 1}), "4": kit.TLV(3, []byte{0, 0, 1}),
		"5": kit.TLV(3, []byte{0, 0, 0, 0, 0, 0, 0, 0, 0x80}), "6": kit.Int(3), "9": kit.UTF8("label")}
}

// device is an attestation key with a certificate of its maker.
type device struct {
	key        crypto.Signer
	cert, root *x509.Certificate
}

func newDevice(t testing.TB) device {
	t.Helper()
	rootKey, key := kit.P256(t), kit.P256(t)
	root := kit.Issue(t, kit.Cert{Name: "maker", CA: true}, rootKey, nil, nil)
	return device{key, kit.Issue(t, kit.Cert{Name: "device"}, key, root, rootKey), root}
}

func (d device) attest(t testing.TB, key crypto.Signer, c kit.Cert) []byte {
	t.Helper()
	return kit.Octets(kit.Issue(t, c, key, d.cert, d.key).Raw)
}

func (d device) request(t testing.TB, oid string, key crypto.Signer, statement []byte) attestation.Request {
	t.Helper()
	return attestation.Request{
		CSR:      kit.CSR(t, key, kit.Attribute(t, kit.Bundle([][]byte{kit.Statement(t, oid, statement)}, d.cert))),
		Attester: attestation.Attester{ID: "device-1", Statement: oid, Key: kit.SPKI(t, d.key)}, Time: kit.Now,
	}
}

// What real YubiKeys made. Nobody has the private keys, so there is no request.
func TestRealYubiKeys(t *testing.T) {
	for _, version := range []string{"5.4.3", "4.3.7"} {
		slot := kit.Parse(t, kit.ReadPEM(t, filepath.Join("testdata", version+"-slot.pem")))
		for _, other := range []string{"5.4.3", "4.3.7"} {
			cert := kit.Parse(t, kit.ReadPEM(t, filepath.Join("testdata", other+"-device.pem")))
			req := attestation.Request{Time: kit.Now, Attester: attestation.Attester{Statement: yubico.PIVOID, Chain: []*x509.Certificate{cert}}}
			v := registry(t).VerifyStatement(slot.RawSubjectPublicKeyInfo, attestation.Statement{OID: yubico.PIVOID, DER: kit.Octets(slot.Raw)}, nil, req)
			if other != version {
				kit.Expect(t, version+" by another device", v, attestation.StatementSignature)
				continue
			}
			kit.Expect(t, version, v)
			for _, want := range []attestation.Claim{{Name: "firmware", Value: version}, {Name: "slot", Value: "9a"}, {Name: "pinPolicy", Value: "once"}, {Name: "touchPolicy", Value: "never"}} {
				if !slices.Contains(v.Claims, want) {
					t.Errorf("%s: no claim %v in %v", version, want, v.Claims)
				}
			}
		}
	}
}

func TestAccepted(t *testing.T) {
	d := newDevice(t)
	for name, key := range map[string]crypto.Signer{"P-384": kit.P384(t), "RSA": kit.RSA(t, 0)} {
		for oid, statement := range map[string][]byte{
			yubico.PIVOID: d.attest(t, key, kit.Cert{Name: "YubiKey PIV Attestation 9c", Extensions: extensions(t, pivArc, pivValues())}),
			yubico.HSMOID: d.attest(t, key, kit.Cert{Name: "YubiHSM Attestation", Extensions: extensions(t, hsmArc, hsmValues())}),
		} {
			req := d.request(t, oid, key, statement)
			v := registry(t).Verify(req)
			kit.Expect(t, name+" "+v.Format, v)
			if v.Assurance != attestation.Protected || !slices.Contains(v.Claims, attestation.Claim{Name: "serial", Value: "9"}) {
				t.Errorf("%s %s: %+v", name, v.Format, v)
			}
			req.Attester.Roots, req.Policy.Minimum = []*x509.Certificate{d.root}, attestation.Genuine
			kit.Expect(t, name+" with the maker's root", registry(t).Verify(req))
		}
	}
}

// A key in a slot has a certificate that leads to the maker too, through the
// device's; but its owner signs with it what he likes.
func TestAttestedKeyAsAttester(t *testing.T) {
	rootKey, deviceKey, key := kit.P256(t), kit.P256(t), kit.P256(t)
	root := kit.Issue(t, kit.Cert{Name: "maker", CA: true}, rootKey, nil, nil)
	deviceCert := kit.Issue(t, kit.Cert{Name: "device", CA: true}, deviceKey, root, rootKey)
	for arc, tt := range map[string]struct {
		oid    string
		values map[string][]byte
	}{pivArc: {yubico.PIVOID, pivValues()}, hsmArc: {yubico.HSMOID, hsmValues()}} {
		d := device{key: kit.P256(t)}
		d.cert = kit.Issue(t, kit.Cert{Name: "slot", Extensions: extensions(t, arc, tt.values)}, d.key, deviceCert, deviceKey)
		req := d.request(t, tt.oid, key, d.attest(t, key, kit.Cert{Extensions: extensions(t, arc, tt.values)}))
		req.Attester.Chain, req.Attester.Roots = []*x509.Certificate{d.cert, deviceCert}, []*x509.Certificate{root}
		if v := registry(t).Verify(req); v.Assurance != attestation.Protected {
			t.Errorf("%s: %+v", tt.oid, v)
		}
		req.Policy.Minimum = attestation.Genuine
		kit.Expect(t, tt.oid, registry(t).Verify(req), attestation.AssuranceLow, attestation.AttesterUsage)
	}
}

func TestHostilePIV(t *testing.T) {
	d, other, key := newDevice(t), newDevice(t), kit.P256(t)
	with := func(by map[string][]byte) []byte {
		return d.attest(t, key, kit.Cert{Name: "YubiKey PIV Attestation 9a", Extensions: extensions(t, pivArc, change(pivValues(), by))})
	}
	good := with(nil)
	critical := append(extensions(t, pivArc, pivValues()), pkix.Extension{Id: []int{2, 999, 1}, Critical: true, Value: kit.Int(1)})
	for name, tt := range map[string]struct {
		statement []byte
		code      attestation.Code
	}{
		"another key":                  {d.attest(t, kit.P256(t), kit.Cert{Extensions: extensions(t, pivArc, pivValues())}), attestation.KeyMismatch},
		"another device of this maker": {other.attest(t, key, kit.Cert{Extensions: extensions(t, pivArc, pivValues())}), attestation.StatementSignature},
		"a certificate for other uses": {d.attest(t, key, kit.Cert{Name: "YubiKey PIV Attestation 9a"}), attestation.StatementType},
		"the attestation of a YubiHSM": {d.attest(t, key, kit.Cert{Extensions: extensions(t, hsmArc, hsmValues())}), attestation.StatementType},
		"a CA":                         {d.attest(t, key, kit.Cert{CA: true, Extensions: extensions(t, pivArc, pivValues())}), attestation.StatementType},
		"not yet good":                 {d.attest(t, key, kit.Cert{From: kit.Now.AddDate(1, 0, 0), To: kit.Now.AddDate(2, 0, 0), Extensions: extensions(t, pivArc, pivValues())}), attestation.StatementTime},
		"over":                         {d.attest(t, key, kit.Cert{From: kit.Now.AddDate(-2, 0, 0), To: kit.Now.AddDate(-1, 0, 0), Extensions: extensions(t, pivArc, pivValues())}), attestation.StatementTime},
		"critical extension":           {d.attest(t, key, kit.Cert{Extensions: critical}), attestation.ClaimUnknown},
		"no firmware":                  {with(map[string][]byte{"3": nil}), attestation.StatementMalformed},
		"firmware of two bytes":        {with(map[string][]byte{"3": {5, 7}}), attestation.StatementMalformed},
		"serial that is no number":     {with(map[string][]byte{"7": {9}}), attestation.StatementMalformed},
		"policy of one byte":           {with(map[string][]byte{"8": {2}}), attestation.StatementMalformed},
		"not in an OCTET STRING":       {good[4:], attestation.StatementMalformed},
		"cut":                          {kit.Octets(good[4 : len(good)-1]), attestation.StatementMalformed},
		"bytes behind the certificate": {kit.Octets(append(slices.Clone(good[4:]), 0)), attestation.StatementMalformed},
		"changed":                      {bytes.Replace(good, []byte("Attestation 9a"), []byte("Attestation 9c"), 1), attestation.StatementSignature},
		"empty":                        {kit.Octets(nil), attestation.StatementMalformed},
	} {
		kit.Expect(t, name, registry(t).Verify(d.request(t, yubico.PIVOID, key, tt.statement)), tt.code)
	}

	fresh := d.request(t, yubico.PIVOID, key, good)
	fresh.Nonce = []byte("challenge")
	kit.Expect(t, "fresh", registry(t).Verify(fresh), attestation.NonceMissing)
	none := d.request(t, yubico.PIVOID, key, good)
	none.Attester.Key, none.Attester.Roots = nil, []*x509.Certificate{d.root}
	kit.Expect(t, "any device of the maker", registry(t).Verify(none), attestation.AttesterInvalid)
	foreign := d.request(t, yubico.PIVOID, key, good)
	foreign.Attester.Roots = []*x509.Certificate{other.root}
	kit.Expect(t, "root of another maker", registry(t).Verify(foreign), attestation.AttesterChain)

	for version, weak := range map[[3]byte]bool{{4, 2, 5}: false, {4, 2, 6}: true, {4, 3, 4}: true, {4, 3, 5}: false} {
		rsaKey := kit.RSA(t, 0)
		statement := d.attest(t, rsaKey, kit.Cert{Extensions: extensions(t, pivArc, change(pivValues(), map[string][]byte{"3": version[:]}))})
		if v := registry(t).Verify(d.request(t, yubico.PIVOID, rsaKey, statement)); v.Failed(attestation.KeyWeak) != weak || v.Accepted == weak {
			t.Errorf("an RSA key of firmware %v: %v", version, v.Reasons)
		}
	}
}

func TestHostileHSM(t *testing.T) {
	d, key := newDevice(t), kit.P256(t)
	capabilities := func(b ...byte) []byte { return kit.TLV(3, []byte{0}, make([]byte, 8-len(b)), b) }
	origin := func(b byte) []byte { return kit.TLV(3, []byte{0, b}) }
	const low, malformed = attestation.AssuranceLow, attestation.StatementMalformed
	for name, tt := range map[string]struct {
		by    map[string][]byte
		codes []attestation.Code
	}{
		"imported":                    {map[string][]byte{"3": origin(2)}, []attestation.Code{low, attestation.KeyImported}},
		"of no origin":                {map[string][]byte{"3": origin(0)}, []attestation.Code{low, attestation.KeyImported}},
		"made elsewhere, then moved":  {map[string][]byte{"3": origin(0x11)}, []attestation.Code{low, attestation.KeyMovable}},
		"exportable under wrap":       {map[string][]byte{"5": capabilities(1, 0, 0x80)}, []attestation.Code{low, attestation.KeyMovable}},
		"for decryption":              {map[string][]byte{"5": capabilities(2, 0)}, []attestation.Code{low, attestation.KeyPurpose}},
		"no origin":                   {map[string][]byte{"3": nil}, []attestation.Code{malformed}},
		"origin of two bytes":         {map[string][]byte{"3": kit.TLV(3, []byte{0, 0, 1})}, []attestation.Code{malformed}},
		"origin with bits left over":  {map[string][]byte{"3": kit.TLV(3, []byte{1, 2})}, []attestation.Code{malformed}},
		"origin that is a number":     {map[string][]byte{"3": kit.Int(1)}, []attestation.Code{malformed}},
		"no capabilities":             {map[string][]byte{"5": nil}, []attestation.Code{malformed}},
		"capabilities of seven bytes": {map[string][]byte{"5": kit.TLV(3, make([]byte, 8))}, []attestation.Code{malformed}},
		"object that is no number":    {map[string][]byte{"6": kit.UTF8("3")}, []attestation.Code{malformed}},
		"without what is only told":   {map[string][]byte{"1": nil, "2": nil, "4": nil, "6": nil, "9": nil}, nil},
	} {
		statement := d.attest(t, key, kit.Cert{Extensions: extensions(t, hsmArc, change(hsmValues(), tt.by))})
		kit.Expect(t, name, registry(t).Verify(d.request(t, yubico.HSMOID, key, statement)), tt.codes...)
	}
	piv := d.attest(t, key, kit.Cert{Extensions: extensions(t, pivArc, pivValues())})
	kit.Expect(t, "the attestation of a YubiKey", registry(t).Verify(d.request(t, yubico.HSMOID, key, piv)), attestation.StatementType)
}

func TestDescribe(t *testing.T) {
	d, key := newDevice(t), kit.P256(t)
	want := attestation.Claim{Name: "key", Value: attestation.KeyDigest(kit.SPKI(t, key))}
	for arc, tt := range map[string]struct {
		values map[string][]byte
		format attestation.Format
	}{pivArc: {pivValues(), yubico.PIV{}}, hsmArc: {hsmValues(), yubico.HSM{}}} {
		claims, err := tt.format.Describe(d.attest(t, key, kit.Cert{Extensions: extensions(t, arc, tt.values)}))
		if err != nil || !slices.Contains(claims, want) || !slices.Contains(claims, attestation.Claim{Name: "serial", Value: "9"}) {
			t.Errorf("%s: %v, %v", tt.format.Name(), claims, err)
		}
		for name, statement := range map[string][]byte{"nothing": nil, "no extensions": d.attest(t, key, kit.Cert{Name: "x"})} {
			if claims, err := tt.format.Describe(statement); err == nil {
				t.Errorf("%s, %s: %v", tt.format.Name(), name, claims)
			}
		}
	}
}

// A mutated certificate is never accepted, unless its signed part is what it was.
func FuzzStatement(f *testing.F) {
	key, ak := kit.Fixed(f, "key"), kit.Fixed(f, "ak")
	d := device{key: ak, cert: kit.Issue(f, kit.Cert{Name: "device"}, ak, nil, nil)}
	var signed [][]byte
	for arc, values := range map[string]map[string][]byte{pivArc: pivValues(), hsmArc: hsmValues()} {
		cert := kit.Issue(f, kit.Cert{Name: "YubiKey PIV Attestation 9a", Extensions: extensions(f, arc, values)}, key, d.cert, d.key)
		signed = append(signed, cert.RawTBSCertificate)
		f.Add(kit.Octets(cert.Raw))
	}
	f.Add(kit.Octets(kit.ReadPEM(f, filepath.Join("testdata", "5.4.3-slot.pem"))))
	f.Add(kit.Octets(kit.ReadPEM(f, filepath.Join("testdata", "4.3.7-slot.pem"))))
	r, spki := registry(f), kit.SPKI(f, key)
	req := d.request(f, yubico.PIVOID, key, d.attest(f, key, kit.Cert{Name: "YubiKey PIV Attestation 9a", Extensions: extensions(f, pivArc, pivValues())}))
	kit.Expect(f, "the seed", r.Verify(req))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, oid := range []string{yubico.PIVOID, yubico.HSMOID} {
			req := attestation.Request{Time: kit.Now, Attester: attestation.Attester{Statement: oid, Key: kit.SPKI(t, d.key)}}
			v := r.VerifyStatement(spki, attestation.Statement{OID: oid, DER: data}, nil, req)
			if v.Accepted && !slices.ContainsFunc(signed, func(tbs []byte) bool { return bytes.Contains(data, tbs) }) {
				t.Errorf("accepted what no device signed: %x", data)
			}
			if !v.Accepted && len(v.Reasons) == 0 {
				t.Error("refused without a reason")
			}
		}
	})
}
