package sol

// Link is where a resource is found, as an absolute URI (SOL 003 and SOL 005
// clause 4.4).
type Link struct {
	Href string `json:"href"`
}

// NotificationLink is where a resource is found that a notification is about. A
// sender may leave the root of the URI out (SOL 003 and SOL 005 clause 4.4).
type NotificationLink struct {
	Href string `json:"href"`
}

// SelfLinks are the links of a resource that leads nowhere but to itself, such as a
// subscription.
type SelfLinks struct {
	Self Link `json:"self"`
}
