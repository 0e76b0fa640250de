package csar

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"

	"github.com/manoward/manoward/internal/hub"
)

// artifactJob is one Signature or Certificate entry of the manifest.
type artifactJob struct {
	artifact, signature, certificate string

	sig   *signed             // nil when it could not be read; then check says why
	check Check               // of the reading
	own   []*x509.Certificate // of the file that the Certificate entry names
}

// hashes are the digests that the signature asks for.
func (j artifactJob) hashes() []crypto.Hash {
	if j.sig == nil {
		return nil
	}
	return j.sig.hashes()
}

func (s *signed) hashes() []crypto.Hash {
	var hashes []crypto.Hash
	for _, signer := range s.signers {
		if alg, ok := byOID(signer.Digest.Algorithm); ok {
			hashes = append(hashes, alg.hash)
		}
	}
	return hashes
}

// planSignatures reads the signatures of artifacts, so that the files are
// digested as these need it, and finds which files are no artifacts.
func (v *verifier) planSignatures() {
	if v.option1() {
		v.manSig, v.manSigErr = parseCMS(v.man.cms)
	}
	v.readCommon()
	for _, name := range []string{v.metaCertificate(), v.rootCertificate()} {
		if v.has(name) {
			v.used[name] = true
		}
	}
	for _, s := range v.sources {
		if s.signature == "" && s.certificate == "" {
			continue
		}
		j := artifactJob{artifact: s.path, signature: s.signature, certificate: s.certificate}
		for _, name := range []string{s.signature, s.certificate} {
			if v.has(name) {
				v.used[name] = true
			}
		}
		v.readJob(&j)
		v.jobs = append(v.jobs, j)
	}
}

// readJob reads the files of one entry.
func (v *verifier) readJob(j *artifactJob) {
	for _, name := range []string{j.signature, j.certificate} {
		if name != "" && !beside(j.artifact, name) {
			v.find(RuleSigNaming, Error, j.artifact, "%s must be in the folder of the artifact and have its name; move it there", quote(name))
		}
	}
	switch {
	case j.certificate == "":
	case !v.has(j.certificate):
		v.find(RuleCertPlace, Error, j.artifact, "its Certificate entry names %s, which is not in the package; add it or drop the entry", quote(j.certificate))
	default:
		j.own = v.certificateFile(j.certificate)
	}
	switch {
	case j.signature == "":
		j.check = CertOnly
		v.find(RuleSignature, Error, j.artifact, "the manifest names a certificate for the artifact and no signature; add Signature or drop Certificate")
	case !v.has(j.signature):
		j.check = FileMissing
		v.find(RuleSignature, Error, j.artifact, "its Signature entry names %s, which is not in the package; add it or drop the entry", quote(j.signature))
	case v.signatureOf[j.signature] != "":
		j.check = DigestMismatch
		v.find(RuleSignature, Error, j.artifact, "its signature %s is that of %s already; give each artifact its own", quote(j.signature), quote(v.signatureOf[j.signature]))
	default:
		v.signatureOf[j.signature] = j.artifact
		j.sig, j.check = v.readSignatureFile(v.a.files, j.signature, j.artifact)
	}
}

// readSignatureFile reads a CMS from a file, over the content named.
func (v *verifier) readSignatureFile(files map[string]*zip.File, name, content string) (*signed, Check) {
	data, err := v.a.readText(files, name)
	if err == nil {
		var s *signed
		if s, err = parseCMS(data); err == nil {
			return s, OK
		}
	}
	v.find(RuleSignature, Error, content, "signature %s cannot be read: %v; make it with CMS, detached, in PEM or DER", quote(name), err)
	return nil, NotSignedData
}

// certificateFile reads a file of the CSAR, once however many entries name it. A
// file that is taken without a digest because it is a certificate must be nothing
// else: a descriptor or an image with a certificate in it would be another
// document to whoever opens it.
func (v *verifier) certificateFile(name string) []*x509.Certificate {
	certs, known := v.certFiles[name]
	if known {
		return certs
	}
	certs, bare := v.readCertificateFile(v.a.files, name)
	if !bare && !v.hashed[name] {
		v.find(RuleCertPlace, v.inOption1(), name, "the file holds more than certificates, and the manifest has no digest of it; leave the certificates alone there, or list it with Algorithm and Hash")
	}
	v.certFiles[name] = certs
	return certs
}

// readCertificateFile reads certificates in PEM or DER, and reports whether the
// file is bare: nothing stands around them.
func (v *verifier) readCertificateFile(files map[string]*zip.File, name string) (certs []*x509.Certificate, bare bool) {
	data, err := v.a.readText(files, name)
	if err == nil {
		certs, err = parseCertificates(data)
	}
	if err != nil {
		v.find(RuleCertPlace, Error, name, "the certificate cannot be read: %v; put an X.509 certificate there, in PEM or DER", err)
	}
	return certs, bareCertificates(data)
}

var endCertificate = []byte("-----END CERTIFICATE-----")

// bareCertificates reports whether what parseCertificates reads is all that there
// is: DER, which has no room for more, or armoured blocks with only blanks
// between them.
func bareCertificates(data []byte) bool {
	if !bytes.Contains(data, beginPrefix) {
		return true
	}
	for rest := bytes.TrimSpace(data); len(rest) > 0; rest = bytes.TrimSpace(rest) {
		end := bytes.Index(rest, endCertificate) + len(endCertificate)
		if end < len(endCertificate) {
			return false
		}
		if _, ok, err := unarmour(rest[:end]); !ok || err != nil {
			return false
		}
		rest = rest[end:]
	}
	return true
}

func parseCertificates(data []byte) ([]*x509.Certificate, error) {
	if !bytes.Contains(data, beginPrefix) {
		c, err := parseCertificate(data)
		if err != nil {
			return nil, fmt.Errorf("read DER: %w", err)
		}
		return []*x509.Certificate{c}, nil
	}
	var certs []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil && len(certs) < maxCerts; block, rest = pem.Decode(rest) {
		c, err := parseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read PEM block %d: %w", len(certs)+1, err)
		}
		certs = append(certs, c)
	}
	if len(certs) == 0 {
		return nil, fmt.Errorf("there is no PEM block in it")
	}
	return certs, nil
}

// metaCertificate is the file that ETSI-Entry-Certificate names, or "".
func (v *verifier) metaCertificate() string {
	if v.meta == nil {
		return ""
	}
	return v.meta.etsi("certificate")
}

// rootCertificate is the certificate in the root that has the manifest's name,
// or "".
func (v *verifier) rootCertificate() string {
	if v.res.Manifest == "" || !inRoot(v.res.Manifest) {
		return ""
	}
	for _, ext := range []string{".cert", ".crt", ".cer", ".pem"} {
		if name := withoutExt(v.res.Manifest) + ext; v.has(name) {
			return name
		}
	}
	return ""
}

// readCommon reads the certificate of the package as a whole, if it is in a file.
func (v *verifier) readCommon() {
	if name := v.metaCertificate(); v.has(name) {
		v.commonWhere, v.res.Certificate = InToscaMeta, name
	} else if name := v.rootCertificate(); name != "" {
		v.commonWhere, v.res.Certificate = InRoot, name
	} else {
		return
	}
	v.commonCerts = v.certificateFile(v.res.Certificate)
}

// judgeManifestCMS judges the signature of option 1.
func (v *verifier) judgeManifestCMS() {
	v.res.Checks.ManifestCMS = None
	if name := v.metaCertificate(); name != "" && !v.has(name) {
		v.find(RuleCertPlace, Error, name, "ETSI-Entry-Certificate names this file and it is not in the package; add it or drop the entry")
	}
	if !v.option1() {
		return
	}
	s := v.manSig
	if s == nil {
		v.res.Checks.ManifestCMS = NotSignedData
		v.find(RuleSignature, Error, v.res.Manifest, "the CMS block is no signature: %v; sign the manifest with CMS, detached", v.manSigErr)
		return
	}
	where, certs := v.manifestSigner(s)
	job := judgeJob{signed: v.res.Manifest, sig: s, where: where, certs: certs, content: digestsOf(v.man.content, s.hashes())}
	if rest, ok := v.man.withoutBlank(); ok && !job.passes() {
		dropped := job
		dropped.content = digestsOf(rest, s.hashes())
		if dropped.passes() {
			v.res.Checks.ManifestCMS = BlankLineDropped
			v.find(RuleBlankLine, Error, v.res.Manifest, "the signature fits only when the blank line before the CMS block is not counted as content; it is: sign the manifest again with every byte before the BEGIN line")
			v.recordSigners(dropped, BlankLineDropped)
			return
		}
	}
	v.res.Checks.ManifestCMS = v.judgeSignature(job)
}

// manifestSigner says where the manifest's signer is to be looked for, and finds
// certificates that are in more than one place (ONAP R130206).
func (v *verifier) manifestSigner(s *signed) (Where, []*x509.Certificate) {
	metaName, rootName := v.metaCertificate(), v.rootCertificate()
	inside := s.embedsSigner()
	if inside && metaName != "" {
		v.find(RuleCertPlace, Error, metaPath, "ETSI-Entry-Certificate names a certificate and the CMS block holds one already; leave one of them")
	}
	if rootName != "" && rootName != metaName {
		switch {
		case inside:
			v.find(RuleCertPlace, Error, rootName, "there is a certificate in the root and the CMS block holds one already; leave one of them")
		case metaName != "":
			v.find(RuleCertPlace, Error, rootName, "there is a certificate in the root and ETSI-Entry-Certificate names another; leave one of them")
		case v.meta != nil:
			v.find(RuleCertPlace, Error, rootName, "there is a certificate in the root of a package with TOSCA-Metadata; name it by ETSI-Entry-Certificate, or put it into the CMS block")
		}
	}
	if inside {
		return InCMS, s.certs
	}
	return v.commonWhere, v.commonCerts
}

// embedsSigner reports whether the certificates of all signers are in the CMS.
func (s *signed) embedsSigner() bool {
	for i := range s.signers {
		if _, ok := s.signers[i].find(s.certs); !ok {
			return false
		}
	}
	return true
}

// judgeArtifacts judges the signatures of single artifacts, in the order of the
// manifest.
func (v *verifier) judgeArtifacts(ctx context.Context) error {
	for _, j := range v.jobs {
		if err := ctx.Err(); err != nil {
			return stopped(err)
		}
		check := j.check
		if j.sig != nil {
			check = v.judgeArtifact(j)
		}
		v.res.Checks.ArtifactSignatures = append(v.res.Checks.ArtifactSignatures, ArtifactSignature{Artifact: j.artifact, Signature: j.signature, Certificate: j.certificate, Check: check})
	}
	return nil
}

func (v *verifier) judgeArtifact(j artifactJob) Check {
	where, certs := InCMS, j.sig.certs
	switch {
	case j.sig.embedsSigner():
	case len(j.own) > 0:
		where, certs = Beside, j.own
	case len(v.commonCerts) > 0:
		where, certs = v.commonWhere, v.commonCerts
	case v.manSig != nil:
		certs = v.manSig.certs // one certificate for the manifest and its artifacts
	}
	d, ok := v.content[j.artifact]
	switch { // both are findings already
	case !ok:
		return FileMissing
	case d.broken:
		return DigestMismatch
	}
	return v.judgeSignature(judgeJob{signed: j.artifact, sig: j.sig, where: where, certs: certs, content: d.sums})
}

// judgeOuter judges the signature of option 2 and what else is in the outer ZIP.
func (v *verifier) judgeOuter(ctx context.Context) error {
	o := v.a.outer
	if o == nil {
		return nil
	}
	v.res.Checks.Option2CMS = None
	for _, name := range o.others {
		v.find(RuleOuter, Error, name, "the outer ZIP holds this file, which no signature covers; leave the CSAR, its signature and its certificate there")
	}
	for _, group := range [][]string{o.signatures, o.certs} {
		if len(group) > 1 {
			v.find(RuleOuter, Error, group[1], "the outer ZIP holds more than one signature, or more than one certificate file; leave one")
		}
	}
	if len(o.signatures) == 0 {
		return nil
	}
	signature := o.signatures[0]
	if withoutExt(signature) != withoutExt(o.name) {
		v.find(RuleOuter, Warning, signature, "the signature has not the name of the CSAR; call it %s", quote(withoutExt(o.name)+".cms"))
	}
	s, check := v.readSignatureFile(o.files, signature, o.name)
	if s == nil {
		v.res.Checks.Option2CMS = check
		return nil
	}
	where, certs := InCMS, s.certs
	if !s.embedsSigner() {
		where, certs = Beside, nil
		if len(o.certs) > 0 {
			certs, _ = v.readCertificateFile(o.files, o.certs[0])
		}
	}
	wanted := map[crypto.Hash]bool{}
	for _, h := range s.hashes() {
		wanted[h] = true
	}
	content, _, err := digest(ctx, io.NewSectionReader(o.inner, 0, o.inner.Size()), wanted, make([]byte, 256<<10))
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return stopped(err)
	}
	if err != nil {
		return hub.E(hub.Unavailable, opVerify, "the package could not be read to its end; start the verification again", err)
	}
	v.res.Checks.Option2CMS = v.judgeSignature(judgeJob{signed: o.name, sig: s, where: where, certs: certs, content: content})
	return nil
}

// digestsOf digests a content that is in memory.
func digestsOf(content []byte, hashes []crypto.Hash) digests {
	d := digests{}
	for _, h := range hashes {
		d[h] = sum(h, content)
	}
	return d
}
