package trustapi

import (
	"fmt"
	"net/http"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/journal"
	"github.com/manoward/manoward/mano-core/trust"
)

const typeTar = "application/x-tar"

// journalOf opens the journal that a request names.
func (a *Admin) journalOf(r *http.Request) (journal.Source, error) {
	domain := r.PathValue("domain")
	if _, ok := a.Registry.Directory.Domain(domain); !ok && domain != trust.HubDomain {
		return journal.Source{}, noDomain(r)
	}
	return a.Journal(r.Context(), domain)
}

// showJournal answers with the key and the newest checkpoint.
func (a *Admin) showJournal(w http.ResponseWriter, r *http.Request) error {
	source, err := a.journalOf(r)
	if err != nil {
		return err
	}
	state, err := source.State(r.Context())
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, state)
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
	source, err := a.journalOf(r)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", typeTar)
	err = journal.WritePack(r.Context(), w, source, journal.Request{TrustDomain: r.PathValue("domain"), From: from, To: to, Contents: contents})
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
