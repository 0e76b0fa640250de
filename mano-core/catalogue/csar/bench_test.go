package csar

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/testkit/csartest"
)

// BenchmarkVerify verifies a package of 64 MiB that does not pack, as disk
// images do not, and prints how much longer that takes than the bare SHA-256 of
// the same bytes, measured in the same run. Option 2 reads the bytes twice: for
// the outer signature, and for the digest of each artifact.
func BenchmarkVerify(b *testing.B) {
	image := make([]byte, 64<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(image) // it does not fail
	tools := newBench(b)
	for _, c := range []struct {
		name   string
		option csartest.Option
		store  bool
	}{
		{"option1/stored", csartest.Option1, true}, {"option1/packed", csartest.Option1, false}, {"option2/stored", csartest.Option2, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			data := csartest.Build(b, csartest.Spec{Option: c.option, Signer: tools.signer, Store: c.store, Files: map[string][]byte{"Files/image.raw": image}})
			var bare, ours time.Duration
			b.SetBytes(int64(len(image)))
			b.ReportAllocs()
			for b.Loop() {
				start := time.Now()
				_ = sha256.Sum256(image)
				bare += time.Since(start)
				start = time.Now()
				a, err := Open(bytes.NewReader(data), int64(len(data)), Limits{})
				if err != nil {
					b.Fatal(err)
				}
				if res, err := a.Verify(b.Context(), tools.policy); err != nil || !res.Accepted {
					b.Fatal(err, res)
				}
				ours += time.Since(start)
			}
			b.ReportMetric(float64(ours)/float64(bare), "x-sha256")
		})
	}
}
