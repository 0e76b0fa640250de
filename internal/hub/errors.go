package hub

import (
	"errors"
	"fmt"
)

// Code says what kind of failure an [Error] is. Only the HTTP layer turns codes
// into status codes and only the CLI turns them into exit codes.
type Code string

// The codes. Each failure has exactly one; a failure without a code is Internal.
const (
	Invalid         Code = "invalid"         // the request is malformed or breaks a rule of its own
	Unauthenticated Code = "unauthenticated" // nobody proved who they are
	Denied          Code = "denied"          // identity is known, and may not do this
	NotFound        Code = "not_found"       // no such thing, or none that the caller may know of
	Conflict        Code = "conflict"        // the state of the thing forbids it now
	Precondition    Code = "precondition"    // the caller's idea of the state is stale (If-Match, compare-and-set)
	Unprocessable   Code = "unprocessable"   // well-formed, but its content cannot be carried out
	RateLimited     Code = "rate_limited"    // too many requests; the same one may work later
	Unavailable     Code = "unavailable"     // a part that is needed does not answer; the same request may work later
	Internal        Code = "internal"        // our defect; the details are for the log only
	Undecided       Code = "undecided"       // a policy or check could not be evaluated: treated as refused
)

// Error is a failure that may be shown to the one who caused it. Text must
// hold no secret, no stack and no internals: it goes out in ProblemDetails and
// on terminals. What was being done and the cause are for the operator's log.
type Error struct {
	Code Code
	Op   string // what was being done: "register Security Manager"
	Text string // cause and mend, safe to show
	Err  error  // underlying cause, for the log; may be nil
}

// E makes an [Error]. err may be nil.
func E(code Code, op, text string, err error) *Error {
	return &Error{Code: code, Op: op, Text: text, Err: err}
}

// Error returns operation, text and cause in one line, for logs.
func (e *Error) Error() string {
	s := e.Text
	if e.Op != "" {
		s = e.Op + ": " + s
	}
	if e.Err != nil {
		s = fmt.Sprintf("%s: %v", s, e.Err)
	}
	return s
}

// Unwrap returns the underlying cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of the first [Error] in err's chain, Internal for an
// error that has none, and the empty code for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// SafeText returns what may be shown to the caller about err: the text of the
// first [Error] in its chain. An error without a code, or an Internal one, is
// shown without its details.
func SafeText(err error) string {
	var e *Error
	if errors.As(err, &e) && e.Code != Internal {
		return e.Text
	}
	return "internal error; the details are in the hub's log"
}
