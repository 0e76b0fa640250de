package enrol

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// Sign answers a certificate signing request (IFA 033 clause 11.2.3). A request that
// is refused is answered with its reasons, not with an error.
//
// The same CSR again, of the same subject, has the answer that it had, if that was a
// certificate that is still good; else it is refused as replayed. One that failed,
// because the authority did not answer ([hub.Unavailable]), may be sent again.
func (s *Service) Sign(ctx context.Context, who hub.Identity, domain string, in certmgmt.SigningRequest) (certmgmt.Signing, error) {
	return s.SignRenewal(ctx, who, domain, in, "")
}

// SignRenewal is Sign for a certificate that is to take the place of another one. The
// caller has checked that it may.
func (s *Service) SignRenewal(ctx context.Context, who hub.Identity, domain string, in certmgmt.SigningRequest, renews string) (certmgmt.Signing, error) {
	w, err := s.begin(ctx, who, domain, in, renews)
	if err != nil {
		return certmgmt.Signing{}, err
	}
	end, err := s.take(ctx, turnOf(w.domain, w.req.CSR))
	if err != nil {
		return certmgmt.Signing{}, err
	}
	defer end()
	defer func() { w.ahead.decide(false) }()
	if _, had := s.Store.Requests.Domain(w.req.ID); had {
		if answer, done, err := s.again(ctx, w); done || err != nil {
			return answer, err
		}
	}
	refused, err := s.check(ctx, w)
	if err != nil {
		return certmgmt.Signing{}, err
	}
	if len(refused) > 0 {
		return s.refuse(ctx, w, refused)
	}
	return s.issue(ctx, w)
}

// Signing returns a request that who may see, with what came of it.
func (s *Service) Signing(ctx context.Context, who hub.Identity, id string) (certmgmt.Signing, error) {
	e, err := find(ctx, s.Store.Requests, who, "certificate signing request", id, ownerOfRequest)
	if err != nil {
		return certmgmt.Signing{}, err
	}
	return s.show(ctx, &e.Value)
}

// Signings yields those that who may see, after an ID, in order, without certificates.
func (s *Service) Signings(ctx context.Context, who hub.Identity, after string) iter.Seq2[certmgmt.Signing, error] {
	return list(ctx, s.Store.Requests, who, after, func(r *cmf.Request) certmgmt.Signing {
		a := r.Signing
		if _, issued := s.Store.Certificates.Domain(r.ID); issued { // which is stored of the request a little later
			a.State, a.CertificateID = certmgmt.RequestIssued, r.ID
		}
		return a
	})
}

func ownerOfRequest(r *cmf.Request) (domain, manager string) { return r.TrustDomain, r.Manager }

// work is a request that is being carried out.
type work struct {
	who    hub.Identity
	domain string
	now    time.Time
	chain  bool // asked for
	// challenge that it names, "" for none.
	challenge string

	reg     *cmf.Registration // nil: the subject is not this consumer's
	profile Profile
	names   names
	csr     *x509.CertificateRequest
	keyHash string

	verdict   *attestation.Verdict // nil: there is no attestation
	attester  *cmf.Attester        // that the verdict is about
	lacking   []certmgmt.Reason    // why it counts as unattested
	assurance attestation.Assurance
	ahead     *ahead // nil: nothing is prepared

	req    cmf.Request
	had    *state.Entry[cmf.Request] // what is stored of it; nil: nothing
	intent bool                      // that is the order of this attempt
}

// begin reads a request and finds its registration. What is not even a request is
// [hub.Invalid].
func (s *Service) begin(ctx context.Context, who hub.Identity, domain string, in certmgmt.SigningRequest, renews string) (*work, error) {
	const op = "read certificate signing request"
	if err := s.enter(ctx, who, op, domain); err != nil {
		return nil, err
	}
	subject, csr, err := readSigning(in)
	if err != nil {
		return nil, hub.E(hub.Invalid, op, err.Error(), err)
	}
	w := &work{who: who, domain: domain, now: s.now(), chain: in.CertChainRequest, challenge: in.ChallengeID}
	if w.reg, err = s.holder(ctx, domain, cmf.BySubject(in.CertType, subject)); err != nil {
		return nil, err
	}
	if w.reg == nil { // it may have been registered a moment ago, at another process
		if err := s.Store.CatchUp(ctx, domain); err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
		if w.reg, err = s.holder(ctx, domain, cmf.BySubject(in.CertType, subject)); err != nil {
			return nil, err
		}
	}
	if w.reg != nil && (!cmf.Sees(who, domain, w.reg.Manager) || w.reg.TypeOfVnfcCertHandling == certmgmt.DirectMode) {
		w.reg = nil // what enrols by itself is nobody's here
	}
	if w.reg != nil {
		if err := s.recordRegistration(ctx, w.reg); err != nil { // of another call that is not answered yet
			return nil, err
		}
	}
	w.req = cmf.Request{
		Signing: certmgmt.Signing{Requested: w.now}, TrustDomain: domain, Manager: who.String(), By: who.String(),
		SubjectID: subject, CertType: in.CertType, CSR: csr, Renews: renews, Attempt: 1, Started: w.now,
	}
	if w.reg != nil {
		w.req.RegistrationID, w.req.Manager = w.reg.ID, w.reg.Manager
	}
	digest := sha256.Sum256(csr)
	w.req.ID = hub.DeriveID("request", domain, w.req.Manager, w.req.RegistrationID, string(in.CertType), subject, renews, hex.EncodeToString(digest[:]))
	return w, nil
}

// readSigning reads the parameters of table 11.2.3.2-1. Its error says what is wrong
// and how to mend it.
func readSigning(in certmgmt.SigningRequest) (subject string, csr []byte, err error) {
	switch in.CertType {
	case certmgmt.MANOCert:
		if subject = in.FQDN; subject == "" || in.VnfcID != "" {
			return "", nil, fmt.Errorf("a MANO_CERT is for an fqdn, and not for a vnfcId; give the fqdn that was registered")
		}
	case certmgmt.VNFCICert, certmgmt.VNFOAMCert:
		if subject = in.VnfcID; subject == "" || in.FQDN != "" {
			return "", nil, fmt.Errorf("a %s is for a vnfcId, and not for an fqdn; give the vnfcId that was registered", in.CertType)
		}
	default:
		return "", nil, fmt.Errorf("certType is %q; use VNFCI_CERT, VNFOAM_CERT or MANO_CERT", clip(string(in.CertType)))
	}
	if len(subject) > maxVnfc {
		return "", nil, fmt.Errorf("the subject has %d bytes, %d are allowed; give it as it was registered", len(subject), maxVnfc)
	}
	if len(in.ChallengeID) > maxVnfc {
		return "", nil, fmt.Errorf("the challengeId is longer than %d bytes; give the id of a challenge of this hub", maxVnfc)
	}
	if csr, err = onlyBlock(in.CSR, "CERTIFICATE REQUEST"); err != nil {
		return "", nil, fmt.Errorf("the csr cannot be read: %w; give one PKCS#10 request in PEM", err)
	}
	return subject, csr, nil
}

// check makes all checks in their order, and returns why the request is refused: the
// reasons of the first one that fails.
func (s *Service) check(ctx context.Context, w *work) ([]certmgmt.Reason, error) {
	s.checking.Add(1)
	defer s.checking.Add(-1)
	if w.reg == nil {
		return []certmgmt.Reason{because(SubjectUnknown, "the subject is not registered by this consumer in this trust domain")}, nil
	}
	var err error
	if w.profile, err = s.profile(w.reg); err != nil {
		return nil, err
	}
	if w.csr, err = attestation.ReadCSR(w.req.CSR); err != nil {
		return unproven(err), nil
	}
	prove, err := s.proving(w)
	if err != nil {
		return unproven(err), nil
	}
	refused, err := s.checkRead(ctx, w)
	if err := prove(); err != nil {
		w.verdict, w.attester = nil, nil // of a request that is nobody's
		return unproven(err), nil
	}
	if len(refused) > 0 || err != nil {
		return refused, err
	}
	s.prepareAhead(ctx, w)
	return s.decide(ctx, w)
}

// unproven is why a CSR is refused that is none, or proves nothing.
func unproven(err error) []certmgmt.Reason {
	return reasons([]attestation.Reason{attestation.ReasonOf(err, attestation.CSRMalformed)})
}

// crowded says whether more requests are being checked than there are processors: what
// could be done beside one of them would wait for a processor, and the handing over is lost.
func (s *Service) crowded() bool { return int(s.checking.Load()) > s.processors }

// proving checks that the CSR proves its key, while what it asks for and its statement
// are looked at, and returns how to wait for that. Nobody outside of the process is asked
// about a CSR that is not proven.
func (s *Service) proving(w *work) (prove func() error, err error) {
	if s.crowded() || s.Verifier(w.domain) != nil {
		return func() error { return nil }, attestation.ProveCSR(w.csr)
	}
	proven := make(chan error, 1)
	s.beside.do(func() {
		defer func() {
			if p := recover(); p != nil { // a request must not end the process
				proven <- attestation.Because(attestation.CSRSignature, "the signature of the request cannot be checked")
			}
		}()
		proven <- attestation.ProveCSR(w.csr)
	})
	return func() error { return <-proven }, nil
}

// checkRead makes the checks of a CSR besides its proof: its key, its names, that it is
// new, and its attestation.
func (s *Service) checkRead(ctx context.Context, w *work) ([]certmgmt.Reason, error) {
	w.keyHash = attestation.KeyDigest(w.csr.RawSubjectPublicKeyInfo)
	if why := w.profile.checkKey(w.csr.PublicKey); why != "" {
		return []certmgmt.Reason{because(KeyForbidden, "the key is %s", why)}, nil
	}
	w.names = namesOf(w.reg, w.profile, w.req.SubjectID)
	if foreign := checkWishes(w.csr, w.names, w.profile); len(foreign) > 0 {
		return foreign, nil
	}
	if refused, err := s.checkHolder(ctx, w); len(refused) > 0 || err != nil {
		return refused, err
	}
	if used, err := s.usedElsewhere(ctx, w); err != nil {
		return nil, err
	} else if used {
		return []certmgmt.Reason{replayedElsewhere()}, nil
	}
	return s.attest(ctx, w)
}

// checkHolder refuses names that meanwhile are not the registration's: another
// process registered them at the same time, or the profile allows them no longer.
func (s *Service) checkHolder(ctx context.Context, w *work) ([]certmgmt.Reason, error) {
	all := slices.Clone(w.names.dns)
	for _, u := range w.names.uris {
		all = append(all, u.String())
	}
	for _, name := range all {
		ids := s.Store.Registrations.Find(cmf.ByName(name))
		if len(ids) == 1 && ids[0] == w.reg.ID {
			continue
		}
		holder, err := s.holder(ctx, w.domain, cmf.ByName(name))
		if err != nil {
			return nil, err
		}
		if holder != nil && !mayShare(holder, w.reg) {
			return []certmgmt.Reason{because(NameForeign, "the name %q is registered for another entity", clip(name))}, nil
		}
	}
	for _, name := range w.names.dns {
		if why := w.profile.permits(name); why != "" && len(w.profile.DNSSuffixes) > 0 {
			return []certmgmt.Reason{because(NameForeign, "the name %q: %s", clip(name), why)}, nil
		}
	}
	return nil, nil
}

func replayedElsewhere() certmgmt.Reason {
	return because(Replayed, "the request was used for another subject, or another certificate, before")
}

// usedElsewhere says whether the CSR has, or will have, a certificate by another
// request of the trust domain.
func (s *Service) usedElsewhere(ctx context.Context, w *work) (bool, error) {
	for _, id := range s.Store.Requests.Find(cmf.ByCSR(w.req.CSR)) {
		if id == w.req.ID {
			continue
		}
		if domain, ok := s.Store.Requests.Domain(id); !ok || domain != w.domain {
			continue
		}
		e, err := s.Store.Requests.GetIn(ctx, w.domain, id)
		if err != nil && hub.CodeOf(err) != hub.NotFound {
			return false, fmt.Errorf("read request: %w", err)
		}
		// Refused ones do not count: who saw a CSR could bar it by sending it first.
		if err == nil && e.Value.State != certmgmt.RequestRefused {
			return true, nil
		}
	}
	return false, nil
}
