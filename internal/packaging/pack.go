package packaging

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// The files that a folder has to have to be packed.
const (
	definitions = "Definitions"   // folder of the descriptor, which is its only file
	changeLog   = "ChangeLog.txt" // what the vendor changed
	metadata    = "metadata.txt"  // lines of the manifest's metadata; not packed itself
)

// Pack packs a folder and signs it: all files of it as they are, with TOSCA.meta and a
// manifest that has the SHA-256 of each and ends in the vendor's signature.
//
// The folder holds one descriptor in Definitions, the file ChangeLog.txt, and the file
// metadata.txt with the metadata of the manifest (SOL 004 clause 4.3.2, SOL 007 clause
// 4.3.2), a line each.
func (v *Vendor) Pack(folder fs.FS) ([]byte, error) {
	about, err := fs.ReadFile(folder, metadata)
	if err != nil {
		return nil, fmt.Errorf("pack: a package needs the file %s, the metadata of its manifest: %w", metadata, err)
	}
	names, descriptor, err := contents(folder)
	if err != nil {
		return nil, err
	}
	base := strings.TrimSuffix(path.Base(descriptor), path.Ext(descriptor))
	p := packer{manifest: "metadata:\n" + strings.TrimSpace(string(about)) + "\n"}
	p.zip = zip.NewWriter(&p.out)
	p.add("TOSCA-Metadata/TOSCA.meta", []byte("TOSCA-Meta-File-Version: 1.0\nCSAR-Version: 1.1\nCreated-By: manoward\nEntry-Definitions: "+
		descriptor+"\nETSI-Entry-Manifest: "+base+".mf\nETSI-Entry-Change-Log: "+changeLog+"\n"))
	for _, name := range names {
		raw, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
		p.add(name, raw)
	}
	signature, err := Sign([]byte(p.manifest), v.Signer, v.key, v.Anchor)
	if err != nil {
		return nil, err
	}
	p.write(base+".mf", append([]byte(p.manifest), pem.EncodeToMemory(&pem.Block{Type: "CMS", Bytes: signature})...))
	if p.err == nil {
		p.err = p.zip.Close()
	}
	return p.out.Bytes(), p.err
}

// contents lists the files that are packed, in the order of their names.
func contents(folder fs.FS) (names []string, descriptor string, err error) {
	err = fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || name == metadata {
			return err
		}
		names = append(names, name)
		if path.Dir(name) == definitions {
			if descriptor != "" {
				return fmt.Errorf("pack: %s holds %s and %s; a package has one descriptor", definitions, descriptor, name)
			}
			descriptor = name
		}
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	if descriptor == "" {
		return nil, "", fmt.Errorf("pack: %s holds no file; a package has a descriptor there", definitions)
	}
	if _, err := fs.Stat(folder, changeLog); err != nil {
		return nil, "", fmt.Errorf("pack: a package needs the file %s: %w", changeLog, err)
	}
	return names, descriptor, nil
}

// packer writes a ZIP and its manifest; err is the first thing that went wrong.
type packer struct {
	out      bytes.Buffer
	zip      *zip.Writer
	manifest string
	err      error
}

// add writes a file that the manifest lists.
func (p *packer) add(name string, raw []byte) {
	p.manifest += fmt.Sprintf("\nSource: %s\nAlgorithm: SHA-256\nHash: %x\n", name, sha256.Sum256(raw))
	p.write(name, raw)
}

func (p *packer) write(name string, raw []byte) {
	if p.err != nil {
		return
	}
	w, err := p.zip.Create(name)
	if err == nil {
		_, err = w.Write(raw)
	}
	if err != nil {
		p.err = fmt.Errorf("pack %s: %w", name, err)
	}
}
