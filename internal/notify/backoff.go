package notify

import "time"

// DefaultMaxBackoff is the longest pause between two attempts.
const DefaultMaxBackoff = time.Minute

// firstBackoff bounds the pause after the first attempt.
const firstBackoff = time.Second

// Backoff returns the pause after an attempt, from 1, for the queues of an
// [Outbox]: it doubles from one second with full jitter, so that endpoints that
// failed together are not tried together, until it reaches most; from then on
// attempts are most apart, less up to a tenth. random returns a number in [0, 1);
// most of 0 is [DefaultMaxBackoff].
func Backoff(random func() float64, most time.Duration) func(attempt int) time.Duration {
	if most <= 0 {
		most = DefaultMaxBackoff
	}
	return func(attempt int) time.Duration {
		ceiling := firstBackoff
		for n := 1; n < attempt && ceiling < most; n++ {
			ceiling *= 2
		}
		if ceiling < most {
			return time.Duration(random() * float64(ceiling))
		}
		return most - time.Duration(random()*float64(most)/10)
	}
}
