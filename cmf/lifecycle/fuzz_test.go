package lifecycle

import (
	"crypto"
	"encoding/hex"
	"testing"
)

// FuzzOCSP holds that no request makes the parser panic, and that what it takes is
// whole.
func FuzzOCSP(f *testing.F) {
	for _, seed := range []string{
		// openssl ocsp -reqout, with SHA-1 and a nonce, with SHA-256, and about two certificates
		"3072307030493047304530090605" + "2b0e03021a050004140102030405060708090a0b0c0d0e0f101112131404140102030405060708090a0b0c0d0e0f101112131402100102030405060708090a0b0c0d0e0f10a223302130" + "1f06092b060105050730010204120410000102030405060708090a0b0c0d0e0f",
		"3000", "30053003020100", "",
	} {
		der, err := hex.DecodeString(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		q, err := parseOCSP(der)
		if err != nil {
			return
		}
		if q.hash != crypto.SHA1 && q.hash != crypto.SHA256 || len(q.name) != q.hash.Size() || len(q.key) != q.hash.Size() ||
			q.serial == nil || len(q.serial.Bytes()) > maxSerial || q.nonce != nil && (len(q.nonce) == 0 || len(q.nonce) > maxNonce) || len(der) > maxQuestion {
			t.Errorf("%x is read as %+v", der, q)
		}
	})
}
