package csar

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/manoward/manoward/internal/hub"
)

const opVerify = "verify package"

// Verify reads every byte of the package once (an option-2 CSAR twice) and lists
// all that is wrong with it. What is wrong with the package is in the Result; an
// error means that there is no verdict: the package could not be read
// (hub.Unavailable), ctx ended, or the policy has no time (hub.Internal).
func (a *Archive) Verify(ctx context.Context, policy Policy) (*Result, error) {
	if policy.At.IsZero() {
		return nil, hub.E(hub.Internal, opVerify, "the policy does not say at which time to judge", nil)
	}
	v := &verifier{
		a: a, policy: policy, res: &Result{}, anchors: x509.NewCertPool(), content: map[string]fileDigests{},
		listed: map[string]bool{}, hashed: map[string]bool{}, used: map[string]bool{}, signatureOf: map[string]string{}, certFiles: map[string][]*x509.Certificate{}, chains: map[string][]*x509.Certificate{},
	}
	for _, c := range policy.Anchors {
		v.anchors.AddCert(c)
	}
	if err := v.run(ctx); err != nil {
		return nil, err
	}
	if failed := a.src.failure(); failed != nil {
		return nil, hub.E(hub.Unavailable, opVerify, "the package could not be read from where it is kept; open it again", failed)
	}
	v.res.Accepted = true
	for _, f := range v.res.Findings {
		v.res.Accepted = v.res.Accepted && f.Severity != Error
	}
	return v.res, nil
}

// verifier is one verification. Its steps add to the result.
type verifier struct {
	a       *Archive
	policy  Policy
	anchors *x509.CertPool
	res     *Result

	meta    *toscaMeta // nil without TOSCA.meta
	man     *manifest  // nil without manifest
	sources []sourceEntry
	listed  map[string]bool // files that the manifest lists
	hashed  map[string]bool // and with a digest
	jobs    []artifactJob
	content map[string]fileDigests
	used    map[string]bool // files that are signatures or certificates of something

	manSig      *signed // the CMS block; nil when there is none, or it cannot be read: manSigErr
	manSigErr   error
	commonWhere Where // where the certificate of the whole package is, unless in the CMS
	commonCerts []*x509.Certificate
	signatureOf map[string]string // signature file -> artifact
	certFiles   map[string][]*x509.Certificate
	chains      map[string][]*x509.Certificate // to an anchor, by the signer's certificate in DER
	unchained   int                            // signers for whom there was none
}

func stopped(err error) error {
	return hub.E(hub.Unavailable, opVerify, "the verification was stopped before its end; start it again", err)
}

func (v *verifier) run(ctx context.Context) error {
	v.locate()
	v.readManifest()
	v.judgeMetadata()
	v.gatherSources()
	v.planSignatures()
	if err := v.readFiles(ctx); err != nil {
		return err
	}
	v.checkSources()
	v.checkListed()
	v.judgeManifestCMS()
	if err := v.judgeArtifacts(ctx); err != nil {
		return err
	}
	if err := v.judgeOuter(ctx); err != nil {
		return err
	}
	v.judgeUnsigned()
	v.fillArtifacts()
	return nil
}

// option1 reports whether the manifest carries a signature, right or wrong.
func (v *verifier) option1() bool { return v.man != nil && v.man.cms != nil }

// option2 reports whether the CSAR has a signature beside it, right or wrong.
func (v *verifier) option2() bool { return v.a.outer != nil && len(v.a.outer.signatures) > 0 }

// inOption1 is the severity of a gap that matters only where the manifest's
// signature is what protects the package.
func (v *verifier) inOption1() Severity {
	if v.option1() && !v.option2() {
		return Error
	}
	return Warning
}

func (v *verifier) find(rule Rule, severity Severity, artifact, format string, args ...any) {
	v.res.Findings = append(v.res.Findings, Finding{Rule: rule, Artifact: artifact, Severity: severity, Text: fmt.Sprintf(format, args...)})
}

// has reports whether the CSAR has the file.
func (v *verifier) has(name string) bool { return v.a.files[name] != nil }

// judgeUnsigned looks at what is left when there is no signature over the whole.
func (v *verifier) judgeUnsigned() {
	switch {
	case v.option2():
		v.res.Option = Option2
		return
	case v.option1():
		v.res.Option = Option1
		return
	}
	severity := Error
	if v.policy.AllowUnsigned {
		severity = Warning
	}
	v.find(RuleUnsigned, severity, "", "the package is not signed, so nobody answers for its content; sign it under option 1 or 2 of SOL 004, or allow unsigned packages")
	if len(v.jobs) > 0 || (v.meta != nil && v.meta.etsi("certificate") != "") {
		v.find(RuleSignature, Error, v.res.Manifest, "the package has certificates or signatures of artifacts and yet its manifest has no CMS signature: it may have been taken out; sign the manifest")
	}
}

// fillArtifacts lists what was read.
func (v *verifier) fillArtifacts() {
	listed, set := map[string]bool{}, map[string]string{}
	for _, s := range v.sources {
		listed[s.path] = true
	}
	if v.man != nil {
		for _, group := range v.man.sets {
			for _, s := range group.sources {
				set[s.path] = group.name
			}
		}
	}
	signed := map[string]Check{}
	for _, s := range v.res.Checks.ArtifactSignatures {
		if old := signed[s.Artifact]; old == "" || old == OK {
			signed[s.Artifact] = s.Check
		}
	}
	for _, name := range v.a.names {
		d := v.content[name]
		v.res.Artifacts = append(v.res.Artifacts, Artifact{
			Path: name, Size: d.size, Algorithm: d.show.name, Hash: hex.EncodeToString(d.sums[d.show.hash]),
			Listed: listed[name], Signed: signed[name], NonMANO: set[name], Encrypted: d.encrypted,
		})
	}
	seen := map[string]bool{}
	for _, s := range v.sources {
		if s.external() && !seen[s.path] {
			seen[s.path] = true
			alg, _ := byName(s.algorithm) // an unknown one is a finding
			v.res.Artifacts = append(v.res.Artifacts, Artifact{
				Path: s.path, Algorithm: alg.name, Hash: strings.ToLower(s.hash), Listed: true, NonMANO: set[s.path], External: true,
			})
		}
	}
}
