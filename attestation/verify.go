package attestation

import (
	"crypto/x509"
	"fmt"
	"maps"
	"time"
)

// Policy are the switches of the one who asks. The zero value is the strict one.
type Policy struct {
	// Minimum is the lowest assurance that is accepted; None stands for Protected.
	Minimum Assurance
	// OldShapes lets bundles of older drafts pass, and the encodings inside of
	// statements that came with them.
	OldShapes bool
	// UnknownClaims lets statements pass that contain claims which their format does
	// not define. Such claims prove nothing.
	UnknownClaims bool
}

// Request is what is judged.
type Request struct {
	CSR      []byte   // PKCS#10, DER
	Attester Attester // the one that was registered for the subject
	// Nonce is what the statement must contain to be fresh, at most MaxNonce bytes;
	// empty when freshness is not asked for.
	Nonce  []byte
	Time   time.Time // at which certificates have to be good; must be set
	Policy Policy
}

// Input is what a [Format] gets to judge.
type Input struct {
	Statement []byte              // DER, with tag and length
	Certs     []*x509.Certificate // that came with it: they help to build chains and are never trusted
	Key       []byte              // SubjectPublicKeyInfo of the request, DER: chooses among several keys of a statement
	Attester  Attester
	Nonce     []byte
	Time      time.Time
	Policy    Policy
}

// Result is what a [Format] found.
type Result struct {
	Key       []byte // SubjectPublicKeyInfo that the statement is about, DER
	Signer    []byte // SubjectPublicKeyInfo of the attester, DER
	Claims    []Claim
	Assurance Assurance // as if no reason were there
	Reasons   []Reason  // checks that failed
	Lacks     []Reason  // why the assurance is not higher
}

// Fail adds the reason that err is; otherwise is the code of an error that is none.
func (r *Result) Fail(err error, otherwise Code) {
	r.Reasons = append(r.Reasons, ReasonOf(err, otherwise))
}

// Lack adds a reason why the assurance is not higher.
func (r *Result) Lack(code Code, format string, args ...any) {
	r.Lacks = append(r.Lacks, Because(code, format, args...))
}

// Say adds a claim.
func (r *Result) Say(name string, value any) {
	r.Claims = append(r.Claims, Claim{name, fmt.Sprint(value)})
}

// Grade sets the assurance of a statement whose attester is s: what it lacks so
// far keeps it from Protected, and what the attester lacks from Genuine.
func (r *Result) Grade(s Signer) {
	r.Signer, r.Assurance = s.SPKI, Genuine
	if len(s.Lacks) > 0 {
		r.Assurance = Protected
	}
	if len(r.Lacks) > 0 {
		r.Assurance = Bound
	}
	r.Lacks = append(r.Lacks, s.Lacks...)
}

// Format judges statements of one kind. It checks the signature against the
// registered attester only, reports the key that the statement is about, and
// leaves the comparison with the key of the request to the caller. It must be
// pure, safe for concurrent use, and must not panic on any bytes.
type Format interface {
	// Name is how records and pages call it.
	Name() string
	// Verify judges a statement.
	Verify(in Input) Result
	// Describe returns what a statement (DER) says, for people who look at it. Nothing
	// of it is verified. With an error come the claims up to where it happened.
	Describe(statement []byte) ([]Claim, error)
}

// Registry holds the formats by the OID of their statements. It does not change,
// and is safe for concurrent use.
type Registry struct{ formats map[string]Format }

// NewRegistry makes a registry of formats by dotted OID. One format may have
// several OIDs.
func NewRegistry(formats map[string]Format) (*Registry, error) {
	for text, f := range formats {
		if oid, err := x509.ParseOID(text); err != nil || oid.String() != text {
			return nil, fmt.Errorf("register a statement format: %q is not an OID in dotted form", text)
		}
		if f == nil {
			return nil, fmt.Errorf("register a statement format: none for the OID %s", text)
		}
	}
	return &Registry{maps.Clone(formats)}, nil
}

// Names returns the name of each format by its OID.
func (r *Registry) Names() map[string]string {
	names := make(map[string]string, len(r.formats))
	for oid, f := range r.formats {
		names[oid] = f.Name()
	}
	return names
}

// Describe returns the name of the format of a statement, and what the statement
// says, with nothing verified. The error is a [Reason].
func (r *Registry) Describe(s Statement) (string, []Claim, error) {
	format, ok := r.formats[s.OID]
	if !ok {
		return "", nil, Because(FormatUnknown, "no format is known for statements of type %s", s.OID)
	}
	claims, err := format.Describe(s.DER)
	if err != nil {
		return format.Name(), claims, ReasonOf(err, StatementMalformed)
	}
	return format.Name(), claims, nil
}

// Verify judges a request: that it is signed with its own key, then that it
// carries one statement of the registered attester, in the format that was
// registered for it, about the key of the request, and with enough assurance.
func (r *Registry) Verify(req Request) Verdict {
	v := Verdict{Attester: req.Attester.ID, Statement: req.Attester.Statement}
	csr, err := ParseCSR(req.CSR)
	if csr != nil {
		v.Key = csr.RawSubjectPublicKeyInfo
	}
	if err != nil {
		return v.refused(ReasonOf(err, CSRMalformed))
	}
	return r.VerifyParsed(csr, req)
}

// VerifyParsed is Verify for a request that [ParseCSR] has read without an error;
// req.CSR is not looked at.
func (r *Registry) VerifyParsed(csr *x509.CertificateRequest, req Request) Verdict {
	v := Verdict{Attester: req.Attester.ID, Statement: req.Attester.Statement, Key: csr.RawSubjectPublicKeyInfo}
	bundle, err := BundleOf(csr, req.Policy.OldShapes)
	if err != nil {
		return v.refused(ReasonOf(err, BundleMalformed))
	}
	v.Shape = bundle.Shape
	statement, err := bundle.of(req.Attester.Statement)
	if err != nil {
		return v.refused(ReasonOf(err, StatementNone))
	}
	return r.judge(v, statement, bundle.Certs, req)
}

// VerifyStatement judges a statement about a key (SubjectPublicKeyInfo, DER) whose
// possession the caller has had proven in another way, as CMP does. req.CSR is not
// looked at.
func (r *Registry) VerifyStatement(key []byte, statement Statement, certs []*x509.Certificate, req Request) Verdict {
	v := Verdict{Attester: req.Attester.ID, Statement: req.Attester.Statement, Key: key}
	if _, err := ParseKey(key); err != nil {
		return v.refused(ReasonOf(err, KeyUnsupported))
	}
	if statement.OID != req.Attester.Statement {
		return v.refused(Because(StatementNone, "the statement has the type %s, and %s is registered", statement.OID, req.Attester.Statement))
	}
	return r.judge(v, statement, certs, req)
}

func (r *Registry) judge(v Verdict, s Statement, certs []*x509.Certificate, req Request) Verdict {
	format, ok := r.formats[s.OID]
	switch {
	case !ok:
		return v.refused(Because(FormatUnknown, "no format is known for statements of type %s", s.OID))
	case req.Time.IsZero(): // x509 would take the clock's
		return v.refused(Because(TimeMissing, "no time was given to judge at"))
	case len(req.Nonce) > MaxNonce:
		return v.refused(Because(NonceInvalid, "the nonce has %d bytes, %d are allowed", len(req.Nonce), MaxNonce))
	case len(certs) > MaxCertificates:
		return v.refused(Because(BundleMalformed, "more than %d certificates", MaxCertificates))
	}
	v.Format = format.Name()
	res := format.Verify(Input{
		Statement: s.DER, Certs: certs, Key: v.Key, Attester: req.Attester, Nonce: req.Nonce, Time: req.Time, Policy: req.Policy,
	})
	v.Claims, v.Lacks = res.Claims, res.Lacks
	if len(res.Reasons) == 0 {
		res.Reasons = binding(v.Key, res.Key, res.Signer)
	}
	if len(res.Reasons) > 0 {
		return v.refused(res.Reasons...)
	}
	if low := short(res, req.Policy.Minimum); len(low) > 0 {
		return v.refused(low...)
	}
	v.Accepted, v.Assurance = true, res.Assurance
	return v
}

// short returns why the assurance is below the minimum, if it is.
func short(res Result, minimum Assurance) []Reason {
	if minimum == None {
		minimum = Protected
	}
	if res.Assurance >= minimum {
		return nil
	}
	reasons := []Reason{Because(AssuranceLow, "the assurance is %q, and %q is asked for", res.Assurance, minimum)}
	for _, lack := range res.Lacks {
		if minimum == Genuine || (lack.Code != AttesterUnverified && lack.Code != AttesterUsage) {
			reasons = append(reasons, lack)
		}
	}
	return reasons
}

// binding checks that the key of the request is the attested one, and not the
// attester's own.
func binding(requested, attested, signer []byte) []Reason {
	switch {
	case len(attested) == 0:
		return []Reason{Because(KeyMissing, "the statement contains no public key")}
	case !SameKey(requested, attested):
		return []Reason{Because(KeyMismatch, "the statement is about another key than the request")}
	case SameKey(requested, signer):
		return []Reason{Because(SelfAttested, "the request is for the attester's own key")}
	}
	return nil
}
