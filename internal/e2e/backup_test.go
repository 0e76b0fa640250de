package e2e_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/devicekit"
	"github.com/manoward/manoward/smgr"
)

// backupHub is a hub with something of everything that it keeps, besides a VNFM that
// has certificates.
type backupHub struct {
	*nsHub
	vnfm   *cmVnfm
	issuer string
	certs  []string
}

func newBackupHub(t *testing.T) *backupHub {
	t.Helper()
	h := &backupHub{}
	h.nsHub, _, _ = smHub(t, "semi-active")
	h.do("vim", "event", "host-integrity", h.smHost(), "UNTRUSTED")
	h.smOrder("host-integrity", smgr.OrderRecommended)
	h.vnfm = h.newCmVnfm("north", "vnfm-north")
	const subject = "0c7f8c0e-3a51-4b57-9d9c-1f0d5f0d9a01"
	device := devicekit.NewSoft(t)
	var made certmgmt.Registration
	h.vnfm.mustDo(t, "POST", "/registrations", certmgmt.RegisterRequest{
		CertType: certmgmt.VNFCICert, SubjectID: []string{subject}, TypeOfVnfcCertHandling: certmgmt.DelegationMode,
		Attesters: []certmgmt.Attester{{StatementOID: "2.23.133.20.1", PublicKey: string(device.AKPEM())}},
	}, &made)
	h.issuer = made.Issuer
	for range 2 {
		var s certmgmt.Signing
		h.vnfm.mustDo(t, "POST", "/certificate_signing_requests", certmgmt.SigningRequest{
			VnfcID: subject, CertType: certmgmt.VNFCICert, CSR: string(device.CSR(t, devicekit.Want{CommonName: subject}).PEM),
		}, &s)
		h.certs = append(h.certs, s.CertificateID)
	}
	h.revoke(h.certs[0])
	return h
}

func (h *backupHub) revoke(id string) {
	h.t.Helper()
	h.do("cert", "revoke", id, "--reason", "superseded")
}

// list is the revocation list that is served.
func (h *backupHub) list() *x509.RevocationList {
	h.t.Helper()
	resp, err := http.Get(h.ready.Endpoints["cmfStatus"] + "/crl/north/" + h.issuer + ".crl")
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	l, err := x509.ParseRevocationList(raw)
	if err != nil {
		h.t.Fatalf("%s: %v", resp.Status, err)
	}
	return l
}

// state is everything that was acknowledged, by the verb that shows it, but for the
// records, to which a start adds.
func (h *backupHub) state() map[string]string {
	h.t.Helper()
	state := map[string]string{}
	for _, verb := range []string{"trust-domain list", "sm list", "package list", "nsd list", "ns list", "cert list", "cert registrations", "decision list", "order list", "client list", "operator list", "policy revisions"} {
		state[verb] = h.do(append(strings.Fields(verb), "-o", "json")...)
	}
	return state
}

// holds compares what a hub holds with what another one held.
func (h *backupHub) holds(want map[string]string, records []hub.Record) {
	h.t.Helper()
	for verb, got := range h.state() {
		if got != want[verb] {
			h.t.Errorf("%s: got\n%.2000s\nwant\n%.2000s", verb, got, want[verb])
		}
	}
	same := func(a, b hub.Record) bool { return a.ID == b.ID && bytes.Equal(a.Data, b.Data) && a.Kind == b.Kind }
	if got := h.records("north"); len(got) < len(records) || !slices.EqualFunc(got[:len(records)], records, same) {
		h.t.Errorf("%d records, and the %d that were there do not begin them", len(got), len(records))
	}
}

// A backup that is restored elsewhere has everything that was acknowledged before it,
// nothing of what came after, and gives out no number of a revocation list twice.
// A hub that runs is not backed up; one that was killed is.
func TestBackup(t *testing.T) {
	t.Parallel()
	h := newBackupHub(t)
	h.fails(5, "a hub runs on "+h.data+", and what changes while it is read is no backup; stop it", "backup", "no.tar", "--data", h.data)
	if _, err := os.Stat(filepath.Join(h.home, "no.tar")); err == nil {
		t.Error("a refused backup left a file")
	}
	want, records, before := h.state(), h.records("north"), h.list()
	h.kill() // what a snapshot of the file system holds
	var made struct {
		SHA256             string
		Files              int
		UnlockKey, Records bool
	}
	if err := json.Unmarshal([]byte(h.do("backup", "hub.tar", "--data", h.data, "-o", "json")), &made); err != nil || !made.UnlockKey || !made.Records || made.Files < 50 {
		t.Fatalf("%+v %v", made, err)
	}
	if info, err := os.Stat(filepath.Join(h.home, "hub.tar")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the archive: %v %v", info, err)
	}

	// What happens after the backup is not in it.
	h.start()
	h.revoke(h.certs[1])
	given := h.list()
	h.do("trust-domain", "create", "later")
	h.stop()
	if given.Number.Cmp(before.Number) <= 0 {
		t.Errorf("list %d follows %d", given.Number, before.Number)
	}
	h.data = filepath.Join(h.home, "restored")
	h.do("restore", "hub.tar", "--data", h.data)
	h.start()
	h.smReady()
	h.holds(want, records)
	if again := h.list(); again.Number.Cmp(before.Number) != 0 || len(again.RevokedCertificateEntries) != 1 {
		t.Errorf("list %d with %d entries, want %d with 1", again.Number, len(again.RevokedCertificateEntries), before.Number)
	}
	h.revoke(h.certs[1])
	if next := h.list(); next.Number.Cmp(given.Number) <= 0 || len(next.RevokedCertificateEntries) != 2 {
		t.Errorf("list %d with %d entries; %d was given out before", next.Number, len(next.RevokedCertificateEntries), given.Number)
	}
	h.do("package", "verify", firstID(t, want["package list"]))
	h.stop()
}

func firstID(t *testing.T, list string) string {
	t.Helper()
	var things []struct{ ID string }
	if err := json.Unmarshal([]byte(list), &things); err != nil || len(things) == 0 {
		t.Fatalf("%v: %s", err, list)
	}
	return things[0].ID
}

// A restore that is killed leaves a directory on which no hub starts, and which
// another restore does not touch.
func TestBackup_RestoreKilled(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.do("trust-domain", "create", "north")
	h.stop()
	h.do("backup", "hub.tar", "--data", h.data)
	archive, err := os.ReadFile(filepath.Join(h.home, "hub.tar"))
	if err != nil {
		t.Fatal(err)
	}
	h.data = filepath.Join(h.home, "half")
	cmd := h.command(context.Background(), h.binary, "restore", "-", "--data", h.data)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	t.Cleanup(func() { end(cmd, done) })
	if _, err := in.Write(archive[:len(archive)*3/4]); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the restore is under way", patience, func() bool {
		_, err := os.Stat(h.file("RESTORING", "FORMAT"))
		return err == nil
	})
	h.fails(5, "is in use by another manoward", "restore", "hub.tar", "--data", h.data)
	h.refusesStart(5, "is in use by another manoward")
	end(cmd, done)
	h.refusesStart(2, "a restore into "+h.data+" was cut off; remove that directory and run manoward restore again")
	h.fails(5, "was cut off; remove that directory and restore again", "restore", "hub.tar", "--data", h.data)
	if err := os.RemoveAll(h.data); err != nil {
		t.Fatal(err)
	}
	h.do("restore", "hub.tar", "--data", h.data)
	h.start()
	h.do("trust-domain", "show", "north")
}
