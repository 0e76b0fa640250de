package trustapi

import (
	"fmt"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/journal"
	"github.com/manoward/manoward/mano-core/trust"
)

const typeTar = "application/x-tar"

// journalOf names the trust domain whose journal is asked for.
func (a *Admin) journalOf(r *http.Request) (string, error) {
	domain := r.PathValue("domain")
	if _, ok := a.Registry.Directory.Domain(domain); !ok && domain != trust.HubDomain {
		return "", noDomain(r)
	}
	return domain, nil
}

// showJournal answers with the key and the newest checkpoint.
func (a *Admin) showJournal(w http.ResponseWriter, r *http.Request) error {
	domain, err := a.journalOf(r)
	if err != nil {
		return err
	}
	source, err := a.Journal(r.Context(), domain)
	if err != nil {
		return err
	}
	state, err := source.State(r.Context())
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, state)
}

// maxReason bounds why a journal is begun anew, in bytes.
const maxReason = 1000

// resealJournal begins the records of a trust domain anew, and answers with what was
// given up.
func (a *Admin) resealJournal(w http.ResponseWriter, r *http.Request) error {
	domain, err := a.journalOf(r)
	if err != nil {
		return err
	}
	var in struct {
		Reason string `json:"reason"`
	}
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	if in.Reason == "" || len(in.Reason) > maxReason || !utf8.ValidString(in.Reason) {
		return hub.E(hub.Invalid, "reseal journal", fmt.Sprintf("say why, in 1 to %d bytes; the reason is recorded", maxReason), nil)
	}
	told, err := a.Reseal(r.Context(), httpapi.Caller(r.Context()), domain, in.Reason)
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusCreated, told)
}

// exportEvidence answers with an evidence pack. One that breaks off has no
// manifest, and the connection is cut, so that it is taken for nothing whole.
func (a *Admin) exportEvidence(w http.ResponseWriter, r *http.Request) error {
	from, err := queryTime(r, "from")
	if err != nil {
		return err
	}
	to, err := queryTime(r, "to")
	if err != nil {
		return err
	}
	contents, err := queryBool(r, "contents")
	if err != nil {
		return err
	}
	domain, err := a.journalOf(r)
	if err != nil {
		return err
	}
	sources, err := a.Journals(r.Context(), domain)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", typeTar)
	err = journal.WritePacks(r.Context(), w, sources, journal.Request{TrustDomain: domain, From: from, To: to, Contents: contents})
	if err != nil {
		w.Header().Del("Content-Type")
	}
	return err
}

func queryBool(r *http.Request, name string) (bool, error) {
	switch text := r.URL.Query().Get(name); text {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	default:
		return false, hub.E(hub.Invalid, "export evidence", fmt.Sprintf("%s is %.60q; give true or false", name, text), nil)
	}
}

func queryTime(r *http.Request, name string) (time.Time, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return t, hub.E(hub.Invalid, "export evidence", fmt.Sprintf("%s is %.60q; give a time such as 2026-11-22T08:00:00Z", name, text), nil)
	}
	return t, nil
}
