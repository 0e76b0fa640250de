package enrol

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// Register registers subjects for certificates of one type, and who as their manager
// (IFA 033 clause 11.2.2). The same registration again is the one that is there. A
// subject, or a host name, that another consumer has is [hub.Conflict], which does
// not say whose it is; one of another trust domain is none at all.
func (s *Service) Register(ctx context.Context, who hub.Identity, domain string, in certmgmt.RegisterRequest) (certmgmt.Registration, error) {
	const op = "register"
	if err := s.enter(ctx, who, op, domain); err != nil {
		return certmgmt.Registration{}, err
	}
	if err := s.checkRegister(who, domain, in); err != nil {
		return certmgmt.Registration{}, err
	}
	attesters, err := s.attestersOf(ctx, who, domain, in)
	if err != nil {
		return certmgmt.Registration{}, err
	}
	_, _, issuer, err := s.Authorities.Limits(ctx, domain)
	if err != nil {
		return certmgmt.Registration{}, fmt.Errorf("choose the certificate authority: %w", err)
	}
	r := cmf.Registration{Registration: certmgmt.Registration{
		ID: hub.NewID(), TrustDomain: domain, Manager: who.String(), CertType: in.CertType, SubjectID: in.SubjectID,
		TypeOfVnfcCertHandling: in.TypeOfVnfcCertHandling, VnfInstanceID: in.VnfInstanceID, VnfdID: in.VnfdID,
		CertificateDescID: in.CertificateDescID, BaseProfile: in.BaseProfile, AttesterIDs: attesters, Issuer: issuer, Registered: s.now(),
	}}
	stored, err := s.storeRegistration(ctx, &r)
	if err != nil {
		return certmgmt.Registration{}, err
	}
	if err := s.recordRegistration(ctx, stored); err != nil {
		return certmgmt.Registration{}, err
	}
	return stored.Registration, nil
}

// storeRegistration stores a registration whose subjects and names are free, or
// returns the same one that is there. It is recorded after that, so that there is no
// record of one that is not there.
func (s *Service) storeRegistration(ctx context.Context, r *cmf.Registration) (*cmf.Registration, error) {
	s.registering.Lock()
	defer s.registering.Unlock()
	if had, err := s.taken(ctx, r); had != nil || err != nil {
		return had, err
	}
	r.Unrecorded = true
	if _, err := s.Store.Registrations.Create(ctx, r.TrustDomain, r.ID, r); err != nil {
		return nil, fmt.Errorf("store registration: %w", err)
	}
	return r, nil
}

// recordRegistration records a registration that is stored, and its end, once.
func (s *Service) recordRegistration(ctx context.Context, r *cmf.Registration) error {
	if !r.Unrecorded && r.Ending == nil {
		return nil
	}
	if r.Unrecorded {
		told := r.Registration
		told.Ended = false // that has a record of its own
		rec, err := record("registration.registered", r.Registered, r.Manager, "registration/"+r.ID, told)
		if err := s.append(ctx, r.TrustDomain, rec, err); err != nil {
			return err
		}
	}
	ended := r.Ending
	if ended != nil {
		rec, err := record("registration.ended", ended.At, ended.By, "registration/"+r.ID, struct{}{})
		if err := s.append(ctx, r.TrustDomain, rec, err); err != nil {
			return err
		}
	}
	_, err := s.Store.Registrations.Update(ctx, r.ID, func(r *cmf.Registration) error {
		r.Unrecorded = false
		if ended != nil { // else it may have been ended meanwhile
			r.Ending = nil
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store registration: %w", err)
	}
	return nil
}

// Registration returns one that who may see.
func (s *Service) Registration(ctx context.Context, who hub.Identity, id string) (certmgmt.Registration, error) {
	e, err := find(ctx, s.Store.Registrations, who, "registration", id, ownerOfRegistration)
	return e.Value.Registration, err
}

// Registrations yields those that who may see, after an ID, in order.
func (s *Service) Registrations(ctx context.Context, who hub.Identity, after string) iter.Seq2[certmgmt.Registration, error] {
	return list(ctx, s.Store.Registrations, who, after, func(r *cmf.Registration) certmgmt.Registration { return r.Registration })
}

// EndRegistration ends a registration: nothing further is signed for its subjects,
// which anybody may register again. Certificates that there are go on. To end it
// again does nothing.
func (s *Service) EndRegistration(ctx context.Context, who hub.Identity, id string) error {
	e, err := find(ctx, s.Store.Registrations, who, "registration", id, ownerOfRegistration)
	if err != nil {
		return err
	}
	if !e.Value.Ended {
		now := s.now()
		e, err = s.Store.Registrations.Update(ctx, id, func(r *cmf.Registration) error {
			if !r.Ended {
				r.Ended, r.Ending = true, &cmf.Ending{At: now, By: who.String()}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("end registration: %w", err)
		}
	}
	return s.recordRegistration(ctx, &e.Value)
}

func ownerOfRegistration(r *cmf.Registration) (domain, manager string) {
	return r.TrustDomain, r.Manager
}

// checkRegister checks what does not depend on what is registered already. It is
// [hub.Invalid], or [hub.Unprocessable] for what the trust domain does not allow.
func (s *Service) checkRegister(who hub.Identity, domain string, in certmgmt.RegisterRequest) error {
	const op = "register"
	bad := func(format string, args ...any) error {
		return hub.E(hub.Invalid, op, fmt.Sprintf(format, args...), nil)
	}
	if err := checkHandling(in); err != nil {
		return err
	}
	if n := len(in.SubjectID); n == 0 || n > s.Limits.Subjects {
		return bad("subjectId has %d entries; give 1 to %d, and register more in several registrations", n, s.Limits.Subjects)
	}
	for i, id := range in.SubjectID {
		check, what := checkVnfc, "identifier of a VNFC instance"
		if in.CertType == certmgmt.MANOCert {
			check, what = checkHost, "FQDN"
		}
		if why := check(id); why != "" {
			return bad("subjectId %q is no %s: %s", clip(id), what, why)
		}
		if slices.Contains(in.SubjectID[:i], id) {
			return bad("subjectId %q is there twice; give each subject once", clip(id))
		}
	}
	if len(in.VnfInstanceID) > maxVnfc || len(in.VnfdID) > maxVnfc || len(in.CertificateDescID) > maxVnfc {
		return bad("an identifier is longer than %d bytes; give it as the VNFM has it", maxVnfc)
	}
	if n := len(in.AttesterIDs) + len(in.Attesters); n > s.Limits.Attesters {
		return bad("%d attesters are given; %d are allowed for one registration", n, s.Limits.Attesters)
	}
	if err := checkBase(in.BaseProfile); err != nil {
		return err
	}
	return s.checkNames(who, domain, in)
}

// checkHandling checks certType and typeOfVnfcCertHandling (table 11.2.2.2.2-1).
func checkHandling(in certmgmt.RegisterRequest) error {
	const op = "register"
	switch in.CertType {
	case certmgmt.MANOCert:
		if in.TypeOfVnfcCertHandling != "" || in.VnfInstanceID != "" {
			return hub.E(hub.Invalid, op, "typeOfVnfcCertHandling and vnfInstanceId are not for MANO_CERT; leave them out", nil)
		}
	case certmgmt.VNFCICert, certmgmt.VNFOAMCert:
		switch in.TypeOfVnfcCertHandling {
		case certmgmt.DelegationMode:
		case certmgmt.DirectMode:
			return hub.E(hub.Invalid, op, "DIRECT_MODE cannot be registered (IFA 033 clause 11.2.2.2); use DELEGATION_MODE, or let the VNFC enrol by itself", nil)
		default:
			return hub.E(hub.Invalid, op, fmt.Sprintf("typeOfVnfcCertHandling is %q; for %s it has to be DELEGATION_MODE", clip(string(in.TypeOfVnfcCertHandling)), in.CertType), nil)
		}
	default:
		return hub.E(hub.Invalid, op, fmt.Sprintf("certType is %q; use MANO_CERT, VNFCI_CERT or VNFOAM_CERT", clip(string(in.CertType))), nil)
	}
	return nil
}

// checkBase checks a profile out of a VNFD.
func checkBase(p *certmgmt.Profile) error {
	const op = "register"
	if p == nil {
		return nil
	}
	bad := func(format string, args ...any) error {
		return hub.E(hub.Invalid, op, "certificateBaseProfile: "+fmt.Sprintf(format, args...), nil)
	}
	for _, part := range []struct {
		name, value string
		most        int // X.520 upper bounds
	}{
		{"commonName", p.CommonName, 64}, {"organization", p.Organization, 64}, {"state", p.State, 128}, {"locality", p.Locality, 128},
	} {
		if why := checkText(part.value, part.most); why != "" {
			return bad("%s %s", part.name, why)
		}
	}
	if c := p.Country; c != "" && (len(c) != 2 || strings.ToUpper(c) != c || checkText(c, 2) != "") {
		return bad("country is %q; give two letters of ISO 3166", clip(c))
	}
	if p.MinimumRSA < 0 || p.MinimumRSA > 8192 {
		return bad("minimumRsaBits is %d; give at most 8192", p.MinimumRSA)
	}
	if p.MaxValidity != "" {
		if d, err := time.ParseDuration(p.MaxValidity); err != nil || d < time.Minute {
			return bad("maxValidityPeriod is %q; give a duration of a minute or more, such as \"720h\"", clip(p.MaxValidity))
		}
	}
	if len(p.DNSNames) > maxNames {
		return bad("%d dnsNames; %d are allowed", len(p.DNSNames), maxNames)
	}
	for i, name := range p.DNSNames {
		if why := checkHost(name); why != "" {
			return bad("dnsNames %q is no host name: %s", clip(name), why)
		}
		if slices.Contains(p.DNSNames[:i], name) {
			return bad("dnsNames %q is there twice", clip(name))
		}
	}
	return nil
}

// checkNames refuses host names that the trust domain does not allow.
func (s *Service) checkNames(who hub.Identity, domain string, in certmgmt.RegisterRequest) error {
	r := cmf.Registration{Registration: certmgmt.Registration{CertType: in.CertType, SubjectID: in.SubjectID, BaseProfile: in.BaseProfile}}
	names := slices.Clone(r.HostNames())
	// A common name that looks like a host name is taken as one by old clients.
	if p := in.BaseProfile; p != nil && strings.Contains(p.CommonName, ".") && in.CertType != certmgmt.MANOCert {
		names = append(names, strings.ToLower(p.CommonName))
	}
	profile := s.Profiles(domain, in.CertType)
	for _, name := range names {
		if len(profile.DNSSuffixes) == 0 && cmf.RunsTheHub(who) {
			continue
		}
		if why := profile.permits(name); why != "" {
			return hub.E(hub.Unprocessable, "register", fmt.Sprintf("%q cannot be in a certificate: %s; have the operator allow it, or use another name", clip(name), why), nil)
		}
	}
	return nil
}

// attestersOf returns the IDs of the attesters of a registration, the new ones
// registered.
func (s *Service) attestersOf(ctx context.Context, who hub.Identity, domain string, in certmgmt.RegisterRequest) ([]string, error) {
	var ids []string
	for _, id := range in.AttesterIDs {
		e, err := s.attester(ctx, who, id)
		if hub.CodeOf(err) == hub.NotFound || (err == nil && e.Domain != domain) {
			return nil, hub.E(hub.Unprocessable, "register", fmt.Sprintf("there is no attester %q; register it first, or give it in attesters", clip(id)), err)
		}
		if err != nil {
			return nil, err
		}
		if e.Value.Withdrawn != nil {
			return nil, hub.E(hub.Unprocessable, "register", fmt.Sprintf("the attester %q was withdrawn; register with another one", clip(id)), nil)
		}
		ids = append(ids, id)
	}
	var fresh []cmf.Attester // all are checked before one is stored
	for _, given := range in.Attesters {
		a, err := s.newAttester(who, domain, given)
		if err != nil {
			return nil, err
		}
		fresh = append(fresh, a)
	}
	for _, a := range fresh {
		stored, err := s.storeAttester(ctx, a)
		if err != nil {
			return nil, err
		}
		ids = append(ids, stored.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// taken looks whether the subjects and names of a registration are free. It returns
// the registration that is the same and there already; [hub.Conflict] for one that
// is in its way.
func (s *Service) taken(ctx context.Context, r *cmf.Registration) (*cmf.Registration, error) {
	var same *cmf.Registration
	for _, id := range r.SubjectID {
		had, err := s.holder(ctx, r.TrustDomain, cmf.BySubject(r.CertType, id))
		if err != nil {
			return nil, err
		}
		switch {
		case had == nil:
		case had.Manager != r.Manager:
			return nil, hub.E(hub.Conflict, "register", fmt.Sprintf("the subject %q is registered by another consumer; have it end its registration first", clip(id)), nil)
		case !sameRegistration(had, r):
			return nil, hub.E(hub.Conflict, "register", fmt.Sprintf("the subject %q is in your registration %s, which says something else; end that first", clip(id), had.ID), nil)
		default:
			same = had
		}
	}
	for _, name := range r.Names() {
		had, err := s.holder(ctx, r.TrustDomain, cmf.ByName(name))
		if err != nil {
			return nil, err
		}
		if had != nil && !mayShare(had, r) {
			return nil, hub.E(hub.Conflict, "register", fmt.Sprintf("the name %q is registered for another entity; use another one", clip(name)), nil)
		}
	}
	return same, nil
}

// mayShare says whether two registrations may have the same host name: those of one
// manager for its VNFC instances, or two of one MANO entity's.
func mayShare(a, b *cmf.Registration) bool {
	return a.Manager == b.Manager && (a.CertType == certmgmt.MANOCert) == (b.CertType == certmgmt.MANOCert)
}

func sameRegistration(a, b *cmf.Registration) bool {
	x, y := a.Registration, b.Registration
	x.ID, x.Issuer, x.Registered = y.ID, y.Issuer, y.Registered
	return reflect.DeepEqual(x, y)
}

// holder returns the registration that holds a term in a trust domain, nil if there
// is none. Should two have it, because two processes registered at once, it is the
// older one for everybody. It is shared, and must not be changed.
func (s *Service) holder(ctx context.Context, domain, term string) (*cmf.Registration, error) {
	var first *cmf.Registration
	for _, id := range s.Store.Registrations.Find(term) {
		if where, ok := s.Store.Registrations.Domain(id); !ok || where != domain {
			continue
		}
		r, err := s.Store.Registrations.Shared(ctx, domain, id)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("find registration: %w", err)
		}
		if !r.Ended && (first == nil || r.Registered.Before(first.Registered) || (r.Registered.Equal(first.Registered) && r.ID < first.ID)) {
			first = r
		}
	}
	return first, nil
}
