// Package natsbus is the bus behind every role: NATS JetStream, embedded in
// the process or an outside cluster. It is the only importer of NATS.
//
// Each trust domain has an [Account] of its own, and nothing in one account is
// visible in another. In an account, data is kept in one of three durability
// classes:
//
//   - Record: a [Log]. An append that returned nil is on stable storage.
//     Appends that wait for the disk at the same time share one sync.
//   - State: a [Table] of keys and values with compare-and-set, and a [Queue]
//     of work, as durable as a Record.
//   - Signal: messages that may be lost: progress, telemetry samples, and
//     requests that are asked again.
package natsbus
