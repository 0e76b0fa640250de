package indicators

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// The bounds of what a VNF tells. With them all that is stored of one VNF, its events
// among it, is below 1 MiB, which the bus takes as one value.
const (
	maxAddress = 1_024     // bytes of {apiRoot}
	maxAnswer  = 1 << 20   // bytes of one page
	maxTold    = 1_024     // indicators of one answer, those that the VNFD does not declare among them
	maxValue   = 4 << 10   // bytes of one value
	maxValues  = 128 << 10 // bytes of the values of one VNF
)

// Version is the version of vnfind/v1 that is asked for, and served.
const Version = "1.4.0"

// CheckAddress refuses what an attribute gives as {apiRoot} of a producer and is not to
// be called: it is an https URI of a bounded length, without credentials.
func CheckAddress(attribute string, set any) error {
	text, ok := set.(string)
	if !ok || len(text) > maxAddress {
		return hub.E(hub.Invalid, "check "+attribute, fmt.Sprintf("%s is no URI of at most %d bytes; send the https URI below which the VNF or its EM has that interface, or null", attribute, maxAddress), nil)
	}
	if strings.Contains(text, "?") {
		return hub.E(hub.Unprocessable, "check "+attribute, attribute+" has a query, and a path is put behind it; leave the query out", nil)
	}
	return httpapi.CheckCallbackURI(attribute, text, false)
}

// reading is one VnfIndicator of an answer, as far as it is read. The name is the one
// that the VNFD gives.
type reading struct {
	ID            string          `json:"id"`
	VnfInstanceID string          `json:"vnfInstanceId"`
	Value         json.RawMessage `json:"value"`
}

// read asks the producer at {apiRoot} for the indicators of a VNF instance and returns
// the values of the wanted ones, each as JSON of one spelling. What is wrong with one
// indicator is wrong with the answer: none of it is taken.
func read(ctx context.Context, client *http.Client, root, vnf string, wanted func(id string) bool) (map[string]json.RawMessage, error) {
	const op = "read indicators"
	if err := CheckAddress("the address", root); err != nil { // a default of the VNFD, which nobody has looked at yet
		return nil, err
	}
	// The caller's own rounds are the attempts.
	producer := &httpapi.Client{Base: strings.TrimSuffix(root, "/") + path, HTTP: client, Version: Version, MaxAnswer: maxAnswer, Retries: -1}
	bad := func(format string, args ...any) error {
		return hub.E(hub.Unavailable, op, fmt.Sprintf("the answer for VNF instance %s ", vnf)+fmt.Sprintf(format, args...), nil)
	}
	values, seen := map[string]json.RawMessage{}, map[string]bool{}
	for x, err := range httpapi.All[reading](ctx, producer, "/indicators/"+url.PathEscape(vnf), nil) {
		switch {
		case err != nil:
			return nil, err
		case x.VnfInstanceID != vnf:
			return nil, bad("is of VNF instance %.80q; is this the address of another VNF?", x.VnfInstanceID)
		case seen[x.ID]:
			return nil, bad("has the indicator %.80q twice", x.ID)
		case len(seen) == maxTold:
			return nil, bad("has more than %d indicators", maxTold)
		}
		seen[x.ID] = true
		if !wanted(x.ID) {
			continue
		}
		value, err := canonical(x.Value)
		if err != nil {
			return nil, bad("has a value of %.80q that %s", x.ID, err)
		}
		values[x.ID] = value
	}
	return values, nil
}

// canonical checks a value and gives it the one spelling that equal values share. An
// error says what is wrong, behind "a value that".
func canonical(raw json.RawMessage) (json.RawMessage, error) {
	var value map[string]any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil || value == nil {
		return nil, fmt.Errorf("is no JSON object, as SOL 002 and SOL 003 have it")
	}
	out, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("cannot be written again: %w", err)
	}
	if len(out) > maxValue {
		return nil, fmt.Errorf("is larger than %d bytes", maxValue)
	}
	return out, nil
}
