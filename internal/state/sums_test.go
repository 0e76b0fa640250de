package state_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// weighed opens a space whose things weigh their count, by their name.
func weighed(t testing.TB, tables state.Tables, domains ...string) (*state.Space, *state.Kind[thing]) {
	t.Helper()
	s := state.New(tables, "THINGS", quiet())
	k := state.NewHeld(s, "thing", byName)
	k.Weigh(func(v *thing) state.Weight { return state.Weight{int64(v.Count), 1} }, "name=")
	open(t, s, domains...)
	return s, k
}

func wantSum(t testing.TB, k *state.Kind[thing], domain, term, without string, want state.Weight) {
	t.Helper()
	if got := k.Sum(domain, term, without); got != want {
		t.Errorf("sum of %s %q without %q: %v, want %v", domain, term, without, got, want)
	}
}

// The sums are those of what there is, by trust domain and by term, through changes,
// removals and a start on what is stored.
func TestKind_Sum(t *testing.T) {
	onBoth(t, func(t *testing.T, tables state.Tables) {
		s, k := weighed(t, tables, "a", "b")
		put := func(domain, id, name string, count int) {
			_, err := k.Create(within(t), domain, id, &thing{Name: name, Count: count})
			must(t, err)
		}
		put("a", "1", "x", 2)
		put("a", "2", "x", 3)
		put("a", "3", "y", 4)
		put("b", "4", "x", 5)
		wantSum(t, k, "a", "", "", state.Weight{9, 3})
		wantSum(t, k, "a", "name=x", "", state.Weight{5, 2})
		wantSum(t, k, "b", "name=x", "", state.Weight{5, 1})
		wantSum(t, k, "a", "name=x", "2", state.Weight{2, 1})
		wantSum(t, k, "a", "name=y", "2", state.Weight{4, 1}) // it has not the term
		wantSum(t, k, "a", "", "4", state.Weight{9, 3})       // it is another domain's
		_, err := k.Update(within(t), "2", func(v *thing) error { v.Name, v.Count = "y", 1; return nil })
		must(t, err)
		must(t, k.Delete(within(t), "1", nil))
		wantSum(t, k, "a", "name=x", "", state.Weight{})
		wantSum(t, k, "a", "name=y", "", state.Weight{5, 2})
		_, again := weighed(t, tables, "a", "b")
		wantSum(t, again, "a", "", "", state.Weight{5, 2})
		wantSum(t, again, "b", "", "", state.Weight{5, 1})
		s.Remove("a")
		wantSum(t, k, "a", "", "", state.Weight{})
		wantSum(t, k, "b", "", "", state.Weight{5, 1})
	})
}

// Two processes change the same few things at random; in the end the sums of both are
// those of what the table holds.
func TestKind_SumTwoWriters(t *testing.T) {
	onBoth(t, func(t *testing.T, tables state.Tables) {
		_, one := weighed(t, tables, "a")
		_, two := weighed(t, tables, "a")
		kinds := []*state.Kind[thing]{one, two}
		random := rand.New(rand.NewPCG(1, 2))
		for range 400 {
			k, id := kinds[random.IntN(2)], fmt.Sprint(random.IntN(6))
			value := thing{Name: string(rune('x' + random.IntN(3))), Count: random.IntN(50)}
			var err error
			switch random.IntN(4) {
			case 0:
				err = k.Delete(within(t), id, nil)
			case 1:
				_, err = k.Create(within(t), "a", id, &value)
			default:
				_, err = k.Update(within(t), id, func(v *thing) error { *v = value; return nil })
			}
			if code := hub.CodeOf(err); code != "" && code != hub.NotFound && code != hub.Conflict {
				t.Fatal(err)
			}
		}
		want := map[string]state.Weight{}
		for id := range 6 {
			e, err := one.GetIn(within(t), "a", fmt.Sprint(id))
			if hub.CodeOf(err) == hub.NotFound {
				continue
			}
			must(t, err)
			for _, term := range []string{"", "name=" + e.Value.Name} {
				w := want[term]
				want[term] = state.Weight{w[0] + int64(e.Value.Count), w[1] + 1}
			}
		}
		for _, k := range kinds {
			for _, term := range []string{"", "name=x", "name=y", "name=z"} {
				eventually(t, "sum of "+term, func() bool { return k.Sum("a", term, "") == want[term] })
			}
		}
	})
}

// BenchmarkSum compares a sum over 100 things with one over 50,000, taken in turns: "x"
// is the ratio, to be below 3. What is above 1 is the processor's cache, which does not
// have the one thing of many that is left out; sums that were counted would be at 500.
func BenchmarkSum(b *testing.B) {
	stocked := func(n int) *state.Kind[thing] {
		_, k := weighed(b, &memstate.Bus{}, "a")
		for i := range n {
			if _, err := k.Create(b.Context(), "a", benchID(i), &thing{Name: "all", Count: 2}); err != nil {
				b.Fatal(err)
			}
		}
		return k
	}
	small, large := stocked(few), stocked(many)
	thousand := func(k *state.Kind[thing], n int) time.Duration { // one is too short for the clock
		return lasted(b, func() error {
			for i := range 1000 {
				if got := k.Sum("a", "name=all", benchID(i*7919%n)); got != (state.Weight{2 * int64(n-1), int64(n - 1)}) {
					return fmt.Errorf("sum of %d things without one: %v", n, got)
				}
			}
			return nil
		})
	}
	var inFew, inMany time.Duration
	i := 0
	for b.Loop() {
		inFew += thousand(small, few)
		inMany += thousand(large, many)
		i++
	}
	b.ReportMetric(float64(inMany.Nanoseconds())/float64(1000*i), "ns/many")
	b.ReportMetric(inMany.Seconds()/inFew.Seconds(), "x")
}
