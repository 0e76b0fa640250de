package csar

// Limits bound what a package may cost to read. A zero field means the default.
type Limits struct {
	Files       int   // entries of the ZIP, folders included; 10,000
	FileBytes   int64 // one file, unpacked; 16 GiB
	TotalBytes  int64 // all files, unpacked; 64 GiB
	Ratio       int64 // unpacked to packed, of each file above 1 MiB and of the whole; 200
	TextBytes   int64 // a manifest, TOSCA.meta, signature or certificate; 4 MiB
	MemoryBytes int64 // the CSAR of an option-2 package that is packed in the outer ZIP, and so must be held in memory; 128 MiB
}

const (
	mib = int64(1) << 20
	gib = int64(1) << 30
	// ratioFrom is the size from which Limits.Ratio counts: a small text of
	// blanks packs better than any limit, and harms nobody.
	ratioFrom = mib
	// maxName bounds the path of an entry, in bytes.
	maxName = 512
)

// orDefault fills the zero fields.
func (l Limits) orDefault() Limits {
	if l.Files == 0 {
		l.Files = 10_000
	}
	for _, d := range []struct {
		field *int64
		value int64
	}{
		{&l.FileBytes, 16 * gib}, {&l.TotalBytes, 64 * gib}, {&l.Ratio, 200}, {&l.TextBytes, 4 * mib}, {&l.MemoryBytes, 128 * mib},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return l
}
