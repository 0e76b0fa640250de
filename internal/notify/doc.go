// Package notify delivers notifications to the consumers of an ETSI interface: it
// keeps their subscriptions and a durable outbox, an [Outbox], and serves the
// "subscriptions" resources of every API, each as a [Resource] (SOL 013 clause
// 5.5, SOL 003 and SOL 005).
//
// What [Outbox.Publish] took is delivered at least once, with the same
// identifier in every attempt, to each subscription in the order in which it was
// published. An endpoint that fails or is slow holds up its own subscription
// alone; it is tried again with a growing, jittered pause for as long as its
// subscription lives.
package notify
