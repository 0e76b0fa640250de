package catalogue

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/mano-core/catalogue/csar"
)

// maxStored bounds what is stored of a package, encoded: a value on the bus may
// not be larger.
const maxStored = 768 << 10

// judge verifies a package that was received and takes it in. Its refusals are
// hub.Unprocessable or hub.Conflict.
func (s *Service) judge(ctx context.Context, p *Package) (err error) {
	defer func() { // a package must not stop the function again at each start
		if v := recover(); v != nil {
			s.config.Log.Error("a package made its verification fail", "package", p.ID, "panic", fmt.Sprint(v))
			err = refusal("the package cannot be judged because of a defect here; report it with the id of the package", nil)
		}
	}()
	policy, err := s.Policy(ctx, p.Domain)
	if err != nil {
		return unavailable(err)
	}
	judged := *p
	if err := inSlot(ctx, s.judging, func() error { return s.verify(ctx, &judged, policy) }); err != nil {
		return err
	}
	if err := s.checkExternal(ctx, &judged); err != nil {
		return err
	}
	s.onboard.Lock()
	defer s.onboard.Unlock()
	if err := s.checkUnique(ctx, &judged); err != nil {
		return err
	}
	if err := s.checkNeeds(ctx, &judged); err != nil {
		return err
	}
	if text, err := json.Marshal(&judged); err != nil || len(text) > maxStored {
		return refusal(fmt.Sprintf("what is to be kept of the package, with the digest of each artifact, is %d bytes and more than %d; put fewer files into it", len(text), maxStored), err)
	}
	return s.accept(ctx, &judged)
}

// unavailable marks what says nothing about the package itself.
func unavailable(err error) error {
	return hub.E(hub.Unavailable, "judge package", "the package cannot be judged now", err)
}

// verify fills in what the stored content says.
func (s *Service) verify(ctx context.Context, p *Package, policy Policy) error {
	f, err := s.store.open(p.Domain, p.Content.SHA256)
	if err != nil {
		return err
	}
	defer f.Close()
	a, err := csar.Open(f, p.Content.Size, s.config.Limits)
	if err != nil {
		return err
	}
	p.Time = s.config.Now().UTC()
	judge, err := policy.verifier(p.Time)
	if err != nil {
		return unavailable(err)
	}
	if p.Result, err = a.Verify(ctx, judge); err != nil {
		return err
	}
	if !p.Result.Accepted {
		all := reasons(p.Result)
		return refusal(told(all), &findings{all})
	}
	p.Judged = Policy{AllowUnsigned: policy.AllowUnsigned, AllowExpired: policy.AllowExpired}
	return readDescriptor(ctx, p, a)
}

// reasons lists why a package was refused, artifacts by name.
func reasons(r *csar.Result) []string {
	const most = 100
	var out []string
	left := 0
	for _, f := range r.Findings {
		switch {
		case f.Severity != csar.Error:
		case len(out) == most:
			left++
		case f.Artifact != "":
			out = append(out, f.Artifact+": "+f.Text)
		default:
			out = append(out, f.Text)
		}
	}
	if left > 0 {
		out = append(out, fmt.Sprintf("and %d more", left))
	}
	return out
}

// told is the first reasons in one text.
func told(reasons []string) string {
	const most = 10
	if left := len(reasons) - most; left > 0 {
		reasons = append(slices.Clone(reasons[:most]), fmt.Sprintf("and %d more", left))
	}
	return strings.Join(reasons, "; ")
}

// findings is the cause of a refusal: each reason by itself.
type findings struct{ list []string }

func (f *findings) Error() string { return fmt.Sprintf("%d findings", len(f.list)) }

func readDescriptor(ctx context.Context, p *Package, a *csar.Archive) (err error) {
	want := map[Kind]csar.Kind{VNF: csar.VNF, NSD: csar.NS, PNF: csar.PNF}[p.Kind]
	if p.Result.Kind != "" && p.Result.Kind != want {
		return refusal(fmt.Sprintf("the manifest says that this is a package of the kind %s, and %s was expected", p.Result.Kind, want), nil)
	}
	if p.Result.EntryDefinitions == "" {
		return refusal("the package has no descriptor; name it in TOSCA-Metadata/TOSCA.meta as Entry-Definitions", nil)
	}
	files := archiveFS{a}
	switch p.Kind {
	case VNF:
		if p.VNFD, err = sol001.ParseVNFD(files, p.Result.EntryDefinitions); err == nil {
			err = checkImages(ctx, p, a)
		}
	case NSD:
		p.NSD, err = sol001.ParseNSD(files, p.Result.EntryDefinitions)
	case PNF:
		p.PNFD, err = sol001.ParsePNFD(files, p.Result.EntryDefinitions)
	}
	return err
}

// checkImages compares the checksum of each software image in the descriptor with
// the bytes of its artifact.
func checkImages(ctx context.Context, p *Package, a *csar.Archive) error {
	images := p.Images()
	for _, id := range slices.Sorted(maps.Keys(images)) {
		img := images[id]
		if strings.Contains(img.File, "://") {
			return refusal(fmt.Sprintf("the software image %s is outside of the package, at %s; put it into the package", id, img.File), nil)
		}
		r, _, err := a.Artifact(img.File)
		if hub.CodeOf(err) == hub.NotFound {
			return refusal(fmt.Sprintf("%s: the file of the software image %s is not in the package; add it", img.File, id), nil)
		}
		if err != nil {
			return err
		}
		h := newHash(img.Algorithm)
		_, err = io.Copy(h, cancelled{ctx, r})
		if r.Close(); err != nil {
			return unavailable(err)
		}
		if hex.EncodeToString(h.Sum(nil)) != img.Hash {
			return refusal(fmt.Sprintf("%s: its %s is not the checksum that the VNFD states for the software image %s; build the package again", img.File, img.Algorithm, id), nil)
		}
	}
	return nil
}

// newHash returns the hash of an algorithm that a descriptor may name.
func newHash(algorithm string) hash.Hash {
	switch strings.ToLower(algorithm) {
	case "sha-224":
		return sha256.New224()
	case "sha-384":
		return sha512.New384()
	case "sha-512":
		return sha512.New()
	}
	return sha256.New()
}

// Images returns the software images of a VNF package by the name of the VDU or
// storage that they are for.
func (p *Package) Images() map[string]*sol001.SwImage {
	out := map[string]*sol001.SwImage{}
	if p.VNFD == nil {
		return out
	}
	for _, f := range p.VNFD.Flavours {
		for id, v := range f.VDUs {
			if v.SwImage != nil {
				out[id] = v.SwImage
			}
		}
		for id, v := range f.Storages {
			if v.SwImage != nil {
				out[id] = v.SwImage
			}
		}
	}
	return out
}

// checkUnique refuses a descriptor that another package of the domain has.
func (s *Service) checkUnique(ctx context.Context, p *Package) error {
	other, err := s.Find(ctx, p.Kind, p.Domain, p.DescriptorID())
	switch {
	case hub.CodeOf(err) == hub.NotFound || err == nil && other.ID == p.ID:
		return nil
	case err != nil:
		return unavailable(err)
	}
	return hub.E(hub.Conflict, "on-board package", fmt.Sprintf("the package %s has the same descriptor %s; delete it first, or give this one another id", other.ID, p.DescriptorID()), nil)
}

// checkNeeds finds what an NSD needs, in its own trust domain, and names what is
// missing.
func (s *Service) checkNeeds(ctx context.Context, p *Package) error {
	if p.NSD == nil {
		return nil
	}
	var missing []string
	find := func(kind Kind, what string, ids []string) (out []string, err error) {
		for _, id := range ids {
			found, err := s.Find(ctx, kind, p.Domain, id)
			switch {
			case hub.CodeOf(err) == hub.NotFound:
				missing = append(missing, what+" "+id)
			case err != nil:
				return nil, unavailable(err)
			default:
				out = append(out, found.ID)
			}
		}
		return out, nil
	}
	var err error
	if p.VnfPkgIDs, err = find(VNF, "VNFD", p.NSD.VNFDs); err != nil {
		return err
	}
	if p.PnfdInfoIDs, err = find(PNF, "PNFD", p.NSD.PNFDs); err != nil {
		return err
	}
	if p.NestedInfoIDs, err = find(NSD, "NSD", p.NSD.Nested); err != nil {
		return err
	}
	if len(missing) > 0 {
		return refusal("the NSD needs what is not on-boarded in its trust domain: "+strings.Join(missing, ", ")+"; on-board it first", nil)
	}
	return nil
}

// accept records the on-boarding and stores its result.
func (s *Service) accept(ctx context.Context, p *Package) error {
	err := s.record(ctx, RecordOnboarded, p, p.Actor, p.Upload, map[string]any{
		"descriptorId": p.DescriptorID(), "sha256": p.Content.SHA256, "securityOption": p.Result.Option, "signers": signers(p.Result),
	})
	if err != nil {
		return unavailable(err)
	}
	_, err = s.kinds[p.Kind].Update(ctx, p.ID, func(now *Package) error {
		if now.State != Processing || now.Upload != p.Upload || now.Deleting {
			return hub.E(hub.Conflict, "on-board package", "it was changed meanwhile", nil)
		}
		pending, data := now.Pending, now.UserData
		*now = *p
		now.Pending, now.UserData = pending, data
		now.State, now.Enabled, now.Failure, now.Altered = Onboarded, p.Kind != PNF, nil, ""
		now.event(EventOnboarded, p.Time, p.Upload, nil)
		return nil
	})
	if err != nil && hub.CodeOf(err) != hub.Conflict {
		return unavailable(err)
	}
	s.config.Log.Info("a package was on-boarded", "package", p.ID, "trustDomain", p.Domain)
	return nil
}

// signers names who signed, for the record.
func signers(r *csar.Result) []map[string]string {
	out := []map[string]string{}
	for _, g := range r.Signers {
		out = append(out, map[string]string{"signed": g.Signed, "subject": g.Subject, "serial": g.Serial})
	}
	return out
}
