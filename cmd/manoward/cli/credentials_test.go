package cli

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// A replacement of key and certificate that is cut off between any two of its
// steps is finished by whoever reads them next.
func TestCredentialDir_CutOff(t *testing.T) {
	const i = hub.ScViTelem
	for cut := range 3 {
		dir := credentialDir(t.TempDir())
		put := func(name string, text []byte) {
			t.Helper()
			if err := os.WriteFile(dir.path(i, name), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		oldKey, oldCert := selfSigned(t)
		newKey, newCert := selfSigned(t)
		put(".key", oldKey)
		put(".crt", oldCert)
		put(".key.new", newKey)
		put(".crt.new", newCert)
		for _, suffix := range []string{".key", ".crt"}[:cut] {
			if err := os.Rename(dir.path(i, suffix+".new"), dir.path(i, suffix)); err != nil {
				t.Fatal(err)
			}
		}
		cert, err := dir.load(i)
		if err != nil {
			t.Errorf("cut off after %d renames: %v", cut, err)
			continue
		}
		want := oldCert
		if cut > 0 {
			want = newCert
		}
		if got := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}); string(got) != string(want) {
			t.Errorf("cut off after %d renames: another certificate than expected", cut)
		}
	}
}

func selfSigned(t *testing.T) (key, cert []byte) {
	t.Helper()
	private, text, err := generateKey()
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	return text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
