package httpapi

import "github.com/manoward/manoward/internal/hub"

// AuthorizeOwned asks whether the caller may do something with one resource of a
// trust domain. found is nil if the resource is there and an error with code
// hub.NotFound if not; any other error of the look-up is returned.
//
// What belongs to another trust domain answers exactly as what does not exist:
// both with missing. Who may not ask at all learns that in either case.
func AuthorizeOwned(authorize func(domain string) (hub.Identity, error), domain string, found, missing error) (hub.Identity, error) {
	if found != nil && hub.CodeOf(found) != hub.NotFound {
		return hub.Identity{}, found
	}
	if found != nil {
		domain = ""
	}
	who, err := authorize(domain)
	if hub.CodeOf(err) == hub.NotFound && found == nil {
		found = err
		_, err = authorize("")
	}
	if hub.CodeOf(err) == hub.NotFound || err == nil && found != nil {
		return who, missing
	}
	return who, err
}
