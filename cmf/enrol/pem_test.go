package enrol

import (
	"bytes"
	"encoding/pem"
	"testing"
)

func TestToPEM(t *testing.T) {
	for _, n := range []int{0, 1, 47, 48, 49, 95, 96, 97, 600} {
		raw := bytes.Repeat([]byte{0xa5, byte(n)}, n)[:n]
		if is, want := toPEM(raw), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})); is != want {
			t.Errorf("%d bytes: %q; want %q", n, is, want)
		}
	}
}
