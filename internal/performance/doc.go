// Package performance is the performance management of a MANO function that serves it:
// PM jobs with their reports and thresholds, which a [Meter] keeps and carries out, and
// their resources, a [Resource] (SOL 003 clause 6 and SOL 002 clause 6 for VNFs, SOL 005
// clause 7 for NSs; the three have the same).
//
// The Meter measures nothing. At the end of each collection period it asks the function
// what was measured in it ([Config].Measure) and keeps what it is told; where nothing
// was, there is no value, and a reporting period without values has no report. A
// collection period is asked about [settle] after its end, and after a pause, such as a
// crash, all of those that have ended meanwhile.
//
// A threshold is compared with the values of periods of [ThresholdPeriod]. It is crossed
// upward where a value reaches threshold plus hysteresis, and downward where one reaches
// threshold minus hysteresis after that: who was not told of the way up is not told of
// the way down. Each sub-object crosses by itself.
//
// What was collected, how far, and the notifications of it are one write; a notification
// is then published, and is again after a crash, under the same ID. The callback of a
// job or a threshold is kept by the outbox, under the ID of that.
//
// All is bounded: see the constants. Who has as many jobs as there may be is refused;
// of reports the oldest go.
package performance
