package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// Media types of the bodies that this package reads and writes.
const (
	TypeJSON       = "application/json"
	TypeProblem    = "application/problem+json"     // RFC 9457, SOL 013 clause 6.3
	TypeMergePatch = "application/merge-patch+json" // RFC 7396
)

// DefaultRetryAfter is the Retry-After of an answer 429 or 503 whose error says
// none of its own with [RetryAfter].
const DefaultRetryAfter = 5 * time.Second

// ProblemDetails is the body of every answer that reports an error (SOL 013
// clause 6.3, RFC 9457). RequestID, Code and Reasons are extension members.
type ProblemDetails struct {
	Type      string   `json:"type,omitempty"` // URI of the kind of problem; absent means about:blank
	Title     string   `json:"title,omitempty"`
	Status    int      `json:"status"`
	Detail    string   `json:"detail"`             // cause and mend, for people
	Instance  string   `json:"instance,omitempty"` // URI of this occurrence
	RequestID string   `json:"requestId,omitempty"`
	Code      hub.Code `json:"code,omitempty"` // tells apart what shares a status, such as denied and undecided
	Reasons   []Reason `json:"reasons,omitempty"`
}

// Reason is a check that failed, for programs. The detail of the problem says the
// same for people.
type Reason struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Mend   string `json:"mend,omitempty"`
}

// StatusOf gives the status of each code, also for a failure that stands inside
// of a resource and not for a whole answer, such as the error of an operation
// occurrence. It is a function and not a map so that nothing can change it.
func StatusOf(code hub.Code) int {
	switch code {
	case hub.Invalid:
		return http.StatusBadRequest
	case hub.Unauthenticated:
		return http.StatusUnauthorized
	case hub.Denied, hub.Undecided: // undecided is refused: fail closed
		return http.StatusForbidden
	case hub.NotFound:
		return http.StatusNotFound
	case hub.Conflict:
		return http.StatusConflict
	case hub.Precondition:
		return http.StatusPreconditionFailed
	case hub.Unprocessable:
		return http.StatusUnprocessableEntity
	case hub.RateLimited:
		return http.StatusTooManyRequests
	case hub.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// codeOf is the way back, for the client: what a peer's status means here.
func codeOf(status int) hub.Code {
	switch status {
	case http.StatusUnauthorized:
		return hub.Unauthenticated
	case http.StatusForbidden:
		return hub.Denied
	case http.StatusNotFound, http.StatusGone:
		return hub.NotFound
	case http.StatusConflict:
		return hub.Conflict
	case http.StatusPreconditionFailed:
		return hub.Precondition
	case http.StatusUnprocessableEntity:
		return hub.Unprocessable
	case http.StatusTooManyRequests:
		return hub.RateLimited
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return hub.Unavailable
	}
	if status >= 400 && status < 500 {
		return hub.Invalid
	}
	return hub.Internal
}

// answerError is an error that knows more of its answer than a [hub.Code] says.
type answerError struct {
	err        error
	status     int           // 0: as the code says
	retryAfter time.Duration // 0: none of its own
	header     http.Header   // further header fields; may be nil
	instance   string
	reasons    []Reason
}

func (e *answerError) Error() string { return e.err.Error() }
func (e *answerError) Unwrap() error { return e.err }

// WithStatus gives err a status that no [hub.Code] stands for, such as 405 or
// 415. The text shown is still that of the [hub.Error] in err's chain.
func WithStatus(err error, status int) error { return &answerError{err: err, status: status} }

// RetryAfter says how long a caller shall wait after err, an error of code
// rate_limited or unavailable. It is sent in whole seconds, rounded up.
func RetryAfter(err error, d time.Duration) error { return &answerError{err: err, retryAfter: d} }

// WithChallenge gives the answer to err a WWW-Authenticate field (RFC 9110
// clause 11.6.1), which takes the place of the mux's own.
func WithChallenge(err error, challenge string) error {
	return &answerError{err: err, header: http.Header{"Www-Authenticate": {challenge}}}
}

// WithReasons gives the answer to err the checks that failed, and the URI of what was
// recorded of it.
func WithReasons(err error, instance string, reasons []Reason) error {
	return &answerError{err: err, instance: instance, reasons: reasons}
}

// problemOf reads what to answer from err's whole chain; the outermost word on
// each point counts. It also returns the header fields of the answer.
func problemOf(err error, challenge string) (ProblemDetails, http.Header) {
	p := ProblemDetails{Code: hub.CodeOf(err), Detail: hub.SafeText(err)}
	var wait time.Duration
	header := http.Header{}
	for e := answerOf(err); e != nil; e = answerOf(e.err) {
		if p.Status == 0 {
			p.Status = e.status
		}
		if wait == 0 {
			wait = e.retryAfter
		}
		if p.Reasons == nil {
			p.Reasons, p.Instance = e.reasons, e.instance
		}
		for k, v := range e.header {
			if _, ok := header[k]; !ok {
				header[k] = v
			}
		}
	}
	if p.Status == 0 {
		p.Status = StatusOf(p.Code)
	}
	p.Title = http.StatusText(p.Status)
	switch p.Status {
	case http.StatusUnauthorized:
		if header.Get("WWW-Authenticate") == "" {
			header.Set("WWW-Authenticate", challenge)
		}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if wait <= 0 {
			wait = DefaultRetryAfter
		}
		header.Set("Retry-After", strconv.FormatInt(wholeSeconds(wait), 10))
	}
	return p, header
}

func answerOf(err error) *answerError {
	var e *answerError
	if errors.As(err, &e) {
		return e
	}
	return nil
}

func wholeSeconds(d time.Duration) int64 {
	return int64((d + time.Second - 1) / time.Second)
}

// WriteProblem answers with p as application/problem+json. Handlers return an
// error instead; this is for code outside a [Mux].
func WriteProblem(w http.ResponseWriter, p ProblemDetails) {
	body, err := json.Marshal(p)
	if err != nil {
		// Strings and an integer always encode.
		body = []byte(`{"status":500,"detail":"internal error; the details are in the hub's log"}`)
		p.Status = http.StatusInternalServerError
	}
	h := w.Header()
	h.Set("Content-Type", TypeProblem)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // a caller that went away cannot be told
}
