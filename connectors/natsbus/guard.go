package natsbus

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
)

// guard finds out when the embedded server starts with less than it had: NATS
// leaves out streams and messages whose files are damaged or gone, and says so
// only in its log. A small file beside the store, the witness, tells what every
// stream of one account must hold. It is written at most once in an interval,
// off the path of the writes, and names only what the server acknowledged, so
// after a crash it is up to that interval behind: damage to what was written in
// the last moment before a crash may go unnoticed, older damage may not.
//
// All methods may be called on a nil guard, that of an external cluster.
type guard struct {
	path     string
	account  string
	instance string // this process
	log      *slog.Logger
	every    time.Duration // between two writes of the witness
	pace     *pace         // of what is read in the background; nil: as fast as it goes

	mu      sync.Mutex
	streams map[string]*witness
	dirty   bool
	damage  error

	stop     context.CancelFunc // of flushing and scrubbing
	finished sync.WaitGroup
}

// witness is what a stream must hold.
type witness struct {
	Class string `json:"class"`
	Last  uint64 `json:"last"`            // sequence that everything here is true of
	Chain string `json:"chain,omitempty"` // of a log
	Sum   uint64 `json:"sum"`             // of a table or queue: mark of every message, added up
	// Closed: of a log that takes nothing more, and of which nothing is missed; see
	// [Account.CloseLog].
	Closed bool `json:"closed,omitempty"`
	Lost   bool `json:"lost,omitempty"` // the outcome of a write is not known: Sum stays behind

	later map[uint64]uint64 // by sequence: what to add to Sum when it is Last's turn
	held  bool              // nothing is applied before a scrub has found Sum
	scrub *scrub            // the one that is under way
}

// maxLater bounds the changes that wait for an earlier one.
const maxLater = 100_000

// mark is what a message contributes to a sum.
func mark(subject string, seq uint64) uint64 {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(subject), seq))
	return binary.BigEndian.Uint64(sum[:8])
}

// newGuard returns the guard of one account. dir must exist and be outside the
// server's own store. Call check before the account is used, and close after.
func newGuard(dir, account string, log *slog.Logger) *guard {
	return &guard{
		path: filepath.Join(dir, account+".witness"), account: account, instance: hub.NewID(), log: log,
		every: time.Second, streams: map[string]*witness{},
	}
}

// instanceID names the process that has the embedded store open; empty on an
// external cluster.
func (g *guard) instanceID() string {
	if g == nil {
		return ""
	}
	return g.instance
}

// Damaged returns what is wrong with the account's data, nil when nothing is
// known to be. Nothing may be written once it is not nil.
func (g *guard) Damaged() error {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.damage
}

// report keeps the first damage that was found.
func (g *guard) report(err error) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.damage == nil {
		g.damage = err
		g.log.Error("stored data is damaged; writing stops", "account", g.account, "error", err)
	}
}

// harm says what is wrong with a stream.
func (g *guard) harm(stream, what string, err error) error {
	return hub.E(hub.Unavailable, "check stored data", fmt.Sprintf("the data of account %s is damaged: stream %s %s; restore the data directory from a backup", g.account, stream, what), err)
}

// mayCreate refuses to make a stream anew that must exist.
func (g *guard) mayCreate(stream string) error {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.streams[stream] != nil {
		return g.harm(stream, "is gone", nil)
	}
	return nil
}

// lacks reports whether a stream is certainly not there; never without a guard.
func (g *guard) lacks(stream string) bool {
	if g == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.streams[stream] == nil
}

// opened makes sure that a stream is in the witness on disk before it is used.
func (g *guard) opened(stream, class string) error {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.streams[stream] != nil {
		return nil
	}
	g.streams[stream] = &witness{Class: class}
	if err := g.save(false); err != nil {
		delete(g.streams, stream)
		return hub.E(hub.Unavailable, "open "+class, "cannot write "+g.path+"; is the disk full or the directory read-only?", err)
	}
	return nil
}

// appended notes that a log holds the batch at seq.
func (g *guard) appended(stream string, seq uint64, c chain) {
	g.change(stream, func(w *witness) {
		if seq > w.Last {
			w.Last, w.Chain = seq, c.String()
		}
	})
}

// replaced notes that a table's message at seq took the place of the one at
// previous, 0 for none.
func (g *guard) replaced(stream, subject string, seq, previous uint64) {
	g.change(stream, func(w *witness) {
		delta := mark(subject, seq)
		if previous > 0 {
			delta -= mark(subject, previous)
			w.scrub.lost(subject, previous)
		}
		w.put(seq, delta)
	})
}

// pushed notes that a queue holds the message at seq.
func (g *guard) pushed(stream, subject string, seq uint64) {
	g.change(stream, func(w *witness) { w.put(seq, mark(subject, seq)) })
}

// removed notes that a message left a queue.
func (g *guard) removed(stream, subject string, seq uint64) {
	g.change(stream, func(w *witness) {
		w.scrub.lost(subject, seq)
		delta := -mark(subject, seq)
		if seq <= w.Last && !w.held {
			w.Sum += delta
			return
		}
		w.later[seq] += delta
	})
}

// unsure notes that the outcome of a write is not known, so that the sum cannot
// go on.
func (g *guard) unsure(stream string) {
	g.change(stream, func(w *witness) { w.Lost, w.later = true, nil })
}

func (g *guard) change(stream string, f func(*witness)) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	w := g.streams[stream]
	if w == nil || w.Lost {
		return
	}
	if w.later == nil {
		w.later = map[uint64]uint64{}
	}
	f(w)
	g.dirty = true
}

// put takes in the change that the message at seq made. Answers may come in
// another order than the messages; Last and Sum go on in that of the messages.
func (w *witness) put(seq, delta uint64) {
	w.later[seq] += delta
	if len(w.later) > maxLater {
		w.Lost, w.later = true, nil
		return
	}
	w.settle()
}

func (w *witness) settle() {
	for !w.held {
		delta, ok := w.later[w.Last+1]
		if !ok {
			return
		}
		delete(w.later, w.Last+1)
		w.Last++
		w.Sum += delta
	}
}

// witnessFile is the content of the file. A line with its SHA-256 follows.
type witnessFile struct {
	Account string              `json:"account"`
	Clean   bool                `json:"clean"` // written by close: nothing happened after it
	Streams map[string]*witness `json:"streams"`
}

// save writes the witness; g.mu is held.
func (g *guard) save(clean bool) error {
	body, err := json.Marshal(witnessFile{g.account, clean, g.streams})
	if err != nil {
		return fmt.Errorf("encode witness: %w", err)
	}
	g.dirty = false
	if err := g.write(body); err != nil {
		g.dirty = true
		return err
	}
	return nil
}

func (g *guard) write(body []byte) error {
	sum := sha256.Sum256(body)
	return durable.WriteFile(g.path, append(append(body, '\n'), hex.EncodeToString(sum[:])...), 0o600)
}

// load reads the witness. A nil file without an error means that there is none.
func (g *guard) load() (*witnessFile, error) {
	raw, err := os.ReadFile(g.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read witness: %w", err)
	}
	body, sum, _ := bytes.Cut(raw, []byte{'\n'})
	var f witnessFile
	if want := sha256.Sum256(body); hex.EncodeToString(want[:]) != string(sum) {
		return nil, errors.New("its checksum does not match")
	}
	if err := json.Unmarshal(body, &f); err != nil {
		return nil, fmt.Errorf("decode witness: %w", err)
	}
	if f.Account != g.account {
		return nil, fmt.Errorf("it is that of account %.80q", f.Account)
	}
	return &f, nil
}

// flush keeps the witness on disk up to date until ctx ends.
func (g *guard) flush(ctx context.Context) {
	failing := false // told once, and its end once
	for pause(ctx, g.every) == nil {
		err := g.flushOnce()
		switch {
		case err != nil && !failing:
			g.log.Warn("the witness of the stored data cannot be written; trying again", "account", g.account, "error", err)
		case err == nil && failing:
			g.log.Info("the witness of the stored data is written again", "account", g.account)
		}
		failing = err != nil
	}
}

// flushOnce writes the witness when it changed. The disk is waited for without
// the lock, so that no write of the bus waits for it.
func (g *guard) flushOnce() error {
	g.mu.Lock()
	if !g.dirty {
		g.mu.Unlock()
		return nil
	}
	body, err := json.Marshal(witnessFile{g.account, false, g.streams})
	g.dirty = false
	g.mu.Unlock()
	if err == nil {
		err = g.write(body)
	}
	if err != nil {
		g.mu.Lock()
		g.dirty = true
		g.mu.Unlock()
	}
	return err
}

// close writes the witness a last time. Call it when nothing writes to the
// account any more.
func (g *guard) close() error {
	if g == nil {
		return nil
	}
	if g.stop == nil {
		return nil // never checked: the witness on disk is all there is
	}
	g.stop()
	g.finished.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	clean := g.damage == nil
	for w := range maps.Values(g.streams) {
		clean = clean && !w.held
	}
	return g.save(clean)
}

// remove deletes the witness of an account that is no more.
func (g *guard) remove() error {
	if g == nil {
		return nil
	}
	if g.stop != nil {
		g.stop()
		g.finished.Wait()
	}
	return durable.Remove(g.path)
}
