package nskit_test

import (
	"archive/zip"
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/internal/testkit/nskit"
	"github.com/manoward/manoward/mano-core/catalogue/csar"
)

// What the kit makes is what the product takes.
func TestNew(t *testing.T) {
	k := nskit.New(t, "a")
	block, _ := pem.Decode([]byte(k.Anchor))
	anchor, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string][]byte{"web": k.Web, "guard": k.Guard, "PNF": k.PNF, "NSD": k.NSD, "web2": k.Web2, "wide": k.Wide, "heals": k.Heals, "full": k.Full} {
		a, err := csar.Open(bytes.NewReader(raw), int64(len(raw)), csar.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		result, err := a.Verify(t.Context(), csar.Policy{Anchors: []*x509.Certificate{anchor}, At: time.Now()})
		if err != nil || !result.Accepted {
			t.Fatalf("%s: %v %+v", name, err, result.Findings)
		}
		files, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			t.Fatal(err)
		}
		switch name {
		case "NSD":
			d, err := sol001.ParseNSD(files, result.EntryDefinitions)
			if err != nil || d.ID != k.NSDID() || !d.Flavours[d.Default].VNFs["guard"].Security {
				t.Errorf("%s: %v %+v", name, err, d)
			}
		case "wide":
			d, err := sol001.ParseNSD(files, result.EntryDefinitions)
			if err != nil || d.ID != k.WideID() || len(d.Flavours[d.Default].Links) != 2 {
				t.Errorf("%s: %v %+v", name, err, d)
			}
		case "heals":
			if d, err := sol001.ParseNSD(files, result.EntryDefinitions); err != nil || d.ID != k.HealsID() || !d.AutoHeal {
				t.Errorf("%s: %v %+v", name, err, d)
			}
		case "full":
			d, err := sol001.ParseNSD(files, result.EntryDefinitions)
			if err != nil || d.ID != k.FullID() || !d.Flavours[d.Default].VNFs["guard"].Initial {
				t.Errorf("%s: %v %+v", name, err, d)
			}
		case "web2":
			if d, err := sol001.ParseVNFD(files, result.EntryDefinitions); err != nil || d.ID != k.Web2VNFD() {
				t.Errorf("%s: %v %+v", name, err, d)
			}
		case "PNF":
			if d, err := sol001.ParsePNFD(files, result.EntryDefinitions); err != nil || d.ID != k.PNFD() {
				t.Errorf("%s: %v %+v", name, err, d)
			}
		default:
			d, err := sol001.ParseVNFD(files, result.EntryDefinitions)
			if err != nil || d.Security != (name == "guard") {
				t.Errorf("%s: %v %+v", name, err, d)
			}
		}
	}
}
