package httpapi

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/manoward/manoward/internal/hub"
)

// Write answers with v as application/json. Nothing is written when v cannot be
// encoded.
func Write(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return hub.E(hub.Internal, "encode answer", "the answer cannot be encoded", err)
	}
	return writeJSON(w, status, body)
}

// writeJSON is Write for a body that is encoded already.
func writeJSON(w http.ResponseWriter, status int, body []byte) error {
	w.Header().Set("Content-Type", TypeJSON)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, err := w.Write(body)
	return sent(err)
}

// sent words an error of the connection: the caller went away, or was too slow.
func sent(err error) error {
	if err != nil {
		return hub.E(hub.Unavailable, "send answer", "the connection broke while the answer was sent", err)
	}
	return nil
}

// Created answers 201 with v and the absolute URI of the new resource, whose path
// is relative to the API: "/subscriptions/"+id.
func Created(w http.ResponseWriter, r *http.Request, path string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return hub.E(hub.Internal, "encode answer", "the answer cannot be encoded", err)
	}
	w.Header().Set("Location", ResourceURI(r, path))
	return writeJSON(w, http.StatusCreated, body)
}

// Accepted answers 202 without a body and with the absolute URI of the operation
// occurrence that was started.
func Accepted(w http.ResponseWriter, r *http.Request, path string) error {
	return located(w, r, path, http.StatusAccepted)
}

// SeeOther answers 303 without a body and with the absolute URI of the resource
// that is there already: a subscription with the same filter and callback.
func SeeOther(w http.ResponseWriter, r *http.Request, path string) error {
	return located(w, r, path, http.StatusSeeOther)
}

func located(w http.ResponseWriter, r *http.Request, path string, status int) error {
	w.Header().Set("Location", ResourceURI(r, path))
	w.WriteHeader(status)
	return nil
}

// NoContent answers 204.
func NoContent(w http.ResponseWriter) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}
