package enrol

import "time"

// crew does work beside a request in goroutines that have done such work before. To read
// and sign a certificate goes deep: a new goroutine has its stack copied time and again
// until it is large enough for that.
type crew struct {
	hands chan func() // without room: who takes from it is idle
}

// crewIdle is how long a goroutine waits for work before it ends.
const crewIdle = time.Second

func newCrew() crew { return crew{make(chan func())} }

// do has work done at once, by a goroutine of its own. It must not panic.
func (c crew) do(work func()) {
	select {
	case c.hands <- work:
	default:
		go c.hand(work)
	}
}

// hand does work, and goes on with other work until there was none for a while.
func (c crew) hand(work func()) {
	idle := time.NewTimer(crewIdle)
	defer idle.Stop()
	for {
		work()
		work = nil // of a request, which need not stay in memory
		idle.Reset(crewIdle)
		select {
		case work = <-c.hands:
		case <-idle.C:
			return
		}
	}
}
