package formats_test

import (
	"testing"

	"github.com/manoward/manoward/attestation/formats"
	"github.com/manoward/manoward/attestation/pkix"
)

func TestNew(t *testing.T) {
	for _, oid := range []string{"", "2.999.20"} {
		r, err := formats.New(formats.Config{EvidenceOID: oid})
		if err != nil {
			t.Fatal(err)
		}
		if oid == "" {
			oid = pkix.SampleArc
		}
		if names := r.Names(); len(names) != 5 || names[oid] != "pkix-evidence" || names["2.23.133.20.1"] != "tpm-certify" {
			t.Errorf("names = %v", names)
		}
	}
	for _, c := range []formats.Config{{EvidenceOID: "evidence"}, {EvidenceOID: "2.23.133.20.1"}, {Evidence: pkix.Config{Arc: "x"}}} {
		if _, err := formats.New(c); err == nil {
			t.Errorf("%+v: made", c)
		}
	}
}
