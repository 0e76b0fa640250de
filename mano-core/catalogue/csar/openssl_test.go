package csar

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/testkit/csartest"
)

// openssl runs the outside signer and verifier in a folder. It must be there:
// apt install openssl.
func openssl(t *testing.T, dir string, args ...string) ([]byte, error) {
	t.Helper()
	program, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatalf("openssl is needed as outside signer and verifier (apt install openssl): %v", err)
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	return cmd.CombinedOutput()
}

// atWork is a folder with the files that openssl needs of a signer.
func atWork(t *testing.T, ca *csartest.CA, s *csartest.Signer) string {
	t.Helper()
	dir := t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(s.Key)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"key.pem":    pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		"signer.pem": s.PEM(),
		"ca.pem":     pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Cert.Raw}),
	} {
		write(t, filepath.Join(dir, name), data)
	}
	return dir
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// sign signs content with openssl cms and the extra options, in PEM or DER.
func sign(t *testing.T, dir string, content []byte, options ...string) []byte {
	t.Helper()
	write(t, filepath.Join(dir, "content"), content)
	args := append([]string{"cms", "-sign", "-binary", "-in", "content", "-signer", "signer.pem", "-inkey", "key.pem", "-out", "signature"}, options...)
	if out, err := openssl(t, dir, args...); err != nil {
		t.Fatalf("openssl %v: %v\n%s", args, err, out)
	}
	data, err := os.ReadFile(filepath.Join(dir, "signature"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// resign puts another signature where the maker put its own.
func resign(t *testing.T, dir string, options ...string) func([]csartest.File) []csartest.File {
	return func(files []csartest.File) []csartest.File {
		f := &files[len(files)-1]
		text, _, _ := bytes.Cut(f.Data, []byte("-----BEGIN"))
		f.Data = append(bytes.Clone(text), sign(t, dir, text, append(options, "-outform", "PEM")...)...)
		return files
	}
}

// Packages that openssl signed, in all the ways that it has, are understood.
func TestOpenSSL_Signs(t *testing.T) {
	ca := csartest.NewCA(t, "package CA")
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ec, rs := ca.Signer(t, "ec", nil), ca.SignerWithKey(t, "rsa", rsaKey, nil)
	pss := []string{"-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:32"}
	for _, c := range []struct {
		name    string
		signer  *csartest.Signer
		options []string
		place   csartest.Place
		want    Check
	}{
		{"ECDSA", ec, nil, csartest.InCMS, OK},
		{"RSA", rs, nil, csartest.InCMS, OK},
		{"RSA, SHA-224", rs, []string{"-md", "sha224"}, csartest.InCMS, OK},
		{"RSA, SHA-512", rs, []string{"-md", "sha512"}, csartest.InCMS, OK},
		{"RSA-PSS", rs, pss, csartest.InCMS, OK},
		{"RSA-PSS, SHA-384", rs, append([]string{"-md", "sha384"}, pss...), csartest.InCMS, OK},
		{"ECDSA, SHA-384", ec, []string{"-md", "sha384"}, csartest.InCMS, OK},
		{"subject key identifier", ec, []string{"-keyid"}, csartest.InCMS, OK},
		{"subject key identifier, certificate outside", ec, []string{"-keyid", "-nocerts"}, csartest.InToscaMeta, OK},
		{"no certificate inside", rs, []string{"-nocerts"}, csartest.InToscaMeta, OK},
		{"no attributes", rs, []string{"-noattr"}, csartest.InCMS, OK},
		{"no attributes, ECDSA", ec, []string{"-noattr"}, csartest.InCMS, OK},
		{"indefinite lengths", ec, []string{"-stream"}, csartest.InCMS, OK},
		{"content inside", ec, []string{"-nodetach"}, csartest.InCMS, OK},
		{"content inside, in pieces", ec, []string{"-nodetach", "-stream"}, csartest.InCMS, OK},
		{"SHA-1", rs, []string{"-md", "sha1"}, csartest.InCMS, UnsupportedAlgorithm},
		{"MD5", rs, []string{"-md", "md5"}, csartest.InCMS, UnsupportedAlgorithm},
		{"no certificate anywhere", ec, []string{"-nocerts"}, csartest.InCMS, SignerIDMismatch},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := atWork(t, ca, c.signer)
			data := csartest.Build(t, csartest.Spec{Option: csartest.Option1, Signer: c.signer, Place: c.place, Files: files, Pack: resign(t, dir, c.options...)})
			res := verify(t, data, Policy{Anchors: []*x509.Certificate{ca.Cert}, At: corpusTime})
			if res.Checks.ManifestCMS != c.want || res.Accepted != (c.want == OK) {
				t.Errorf("manifest CMS %s, accepted %v: %v", res.Checks.ManifestCMS, res.Accepted, res.Findings)
			}
		})
	}
}

// Every signer of a signature must be right and trusted, not only one of them.
func TestOpenSSL_TwoSigners(t *testing.T) {
	b := newBench(t)
	second := csartest.NewCA(t, "second CA")
	dir, other := atWork(t, b.ca, b.signer), atWork(t, second, second.Signer(t, "second", nil))
	pack := resign(t, dir, "-signer", filepath.Join(other, "signer.pem"), "-inkey", filepath.Join(other, "key.pem"))
	data := csartest.Build(t, csartest.Spec{Option: csartest.Option1, Signer: b.signer, Pack: pack})
	if res := verify(t, data, b.policy); res.Accepted || len(res.Signers) != 2 || !found(res, RuleChain, "sample.mf") {
		t.Errorf("one trusted, one not: accepted %v, signers %v: %v", res.Accepted, len(res.Signers), res.Findings)
	}
	both := b.policy
	both.Anchors = append(both.Anchors, second.Cert)
	if res := verify(t, data, both); !res.Accepted {
		t.Errorf("both trusted: %v", res.Findings)
	}
}

// The same signatures over a content that was changed are refused.
func TestOpenSSL_Changed(t *testing.T) {
	ca := csartest.NewCA(t, "package CA")
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, signer := range []*csartest.Signer{ca.Signer(t, "ec", nil), ca.SignerWithKey(t, "rsa", rsaKey, nil)} {
		dir := atWork(t, ca, signer)
		for _, options := range [][]string{nil, {"-noattr"}, {"-nodetach"}, {"-nodetach", "-noattr"}} {
			der := sign(t, dir, []byte("good"), append(options, "-outform", "DER")...)
			s, err := parseCMS(der)
			if err != nil {
				t.Fatal(err)
			}
			for content, want := range map[string]Check{"good": OK, "evil": DigestMismatch} {
				j := judgeJob{sig: s, certs: s.certs, content: digestsOf([]byte(content), s.hashes())}
				if got := j.judge()[0].check; got != want {
					t.Errorf("%s %v over %q: %s, want %s", signer.Cert.Subject, options, content, got, want)
				}
			}
			s.signers[0].Signature[8] ^= 1
			j := judgeJob{sig: s, certs: s.certs, content: digestsOf([]byte("good"), s.hashes())}
			if got := j.judge()[0].check; got == OK {
				t.Errorf("%s %v: a changed signature value is ok", signer.Cert.Subject, options)
			}
		}
	}
}

// An attached signature over one content does not pass for another content that
// lies beside it.
func TestOpenSSL_AttachedOther(t *testing.T) {
	ca := csartest.NewCA(t, "package CA")
	s, err := parseCMS(sign(t, atWork(t, ca, ca.Signer(t, "ec", nil)), []byte("good"), "-nodetach", "-outform", "DER"))
	if err != nil {
		t.Fatal(err)
	}
	s.content = []byte("evil")
	j := judgeJob{sig: s, certs: s.certs, content: digestsOf([]byte("good"), s.hashes())}
	if got := j.judge()[0].check; got != DigestMismatch || j.passes() {
		t.Errorf("check %s, want %s", got, DigestMismatch)
	}
}

// Packages of the maker are what openssl understands, too: of option 1 the
// manifest, of option 2 the CSAR.
func TestOpenSSL_Verifies(t *testing.T) {
	b := newBench(t)
	for option, want := range map[csartest.Option]Option{csartest.Option1: Option1, csartest.Option2: Option2} {
		dir := atWork(t, b.ca, b.signer)
		var content, signature []byte
		spec := csartest.Spec{Option: option, Signer: b.signer, Files: files}
		spec.Pack = func(f []csartest.File) []csartest.File {
			text, block, _ := bytes.Cut(f[len(f)-1].Data, []byte("-----BEGIN"))
			content, signature = text, append([]byte("-----BEGIN"), block...)
			return f
		}
		spec.Outer = func(f []csartest.File) []csartest.File {
			content, signature = f[0].Data, f[1].Data
			return f
		}
		res := verify(t, csartest.Build(t, spec), b.policy)
		if !res.Accepted || res.Option != want {
			t.Fatalf("accepted %v, option %s: %v", res.Accepted, res.Option, res.Findings)
		}
		write(t, filepath.Join(dir, "content"), content)
		write(t, filepath.Join(dir, "signature"), signature)
		out, err := openssl(t, dir, "cms", "-verify", "-binary", "-inform", "PEM", "-in", "signature", "-content", "content", "-CAfile", "ca.pem", "-purpose", "any", "-out", "verified")
		if err != nil || !strings.Contains(string(out), "successful") {
			t.Errorf("option %s: openssl says %v\n%s", want, err, out)
		}
	}
}

// Option 2 as openssl makes it: DER, over the CSAR, certificate beside.
func TestOpenSSL_Option2(t *testing.T) {
	b := newBench(t)
	dir := atWork(t, b.ca, b.signer)
	for _, options := range [][]string{{"-outform", "DER", "-nocerts"}, {"-outform", "PEM"}, {"-outform", "DER", "-noattr", "-stream"}} {
		spec := csartest.Spec{Option: csartest.Option2, Signer: b.signer, Place: csartest.Beside, Files: files, Outer: func(f []csartest.File) []csartest.File {
			f[1].Name, f[1].Data = "package.p7s", sign(t, dir, f[0].Data, options...)
			return f
		}}
		if res := verify(t, csartest.Build(t, spec), b.policy); !res.Accepted || res.Checks.Option2CMS != OK {
			t.Errorf("%v: accepted %v: %v", options, res.Accepted, res.Findings)
		}
	}
}

// Other CMS than SignedData is named as what it is.
func TestOpenSSL_OtherCMS(t *testing.T) {
	b := newBench(t)
	dir := atWork(t, b.ca, b.signer)
	write(t, filepath.Join(dir, "content"), []byte("x"))
	for _, args := range [][]string{
		{"cms", "-data_create", "-in", "content", "-outform", "DER", "-out", "signature"},
		{"cms", "-digest_create", "-in", "content", "-outform", "DER", "-out", "signature"},
		{"cms", "-encrypt", "-in", "content", "-outform", "DER", "-out", "signature", "signer.pem"},
		{"crl2pkcs7", "-nocrl", "-certfile", "signer.pem", "-outform", "DER", "-out", "signature"}, // certificates without signer
	} {
		if out, err := openssl(t, dir, args...); err != nil {
			t.Fatalf("openssl %v: %v\n%s", args, err, out)
		}
		der, err := os.ReadFile(filepath.Join(dir, "signature"))
		if err != nil {
			t.Fatal(err)
		}
		pack := func(f []csartest.File) []csartest.File {
			text, _, _ := bytes.Cut(f[len(f)-1].Data, []byte("-----BEGIN"))
			f[len(f)-1].Data = append(bytes.Clone(text), csartest.Armour(der)...)
			return f
		}
		res := verify(t, csartest.Build(t, csartest.Spec{Option: csartest.Option1, Signer: b.signer, Pack: pack}), b.policy)
		if res.Checks.ManifestCMS != NotSignedData || res.Accepted {
			t.Errorf("openssl %v: %s, accepted %v", args, res.Checks.ManifestCMS, res.Accepted)
		}
	}
}
