package natsbus

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Modes of the bus, and what is known of when a server syncs.
const (
	ModeEmbedded = "embedded"
	ModeExternal = "external"

	SyncAlways  = "always"  // before it acknowledges
	SyncUnknown = "unknown" // nobody said; otherwise "every <duration>", after it acknowledged
)

// Durability is what an acknowledged write can survive.
type Durability struct {
	Mode     string             `json:"mode"`             // ModeEmbedded or ModeExternal
	Sync     string             `json:"sync"`             // of the weakest server: SyncAlways, "every <duration>" or SyncUnknown
	Replicas int                `json:"replicas"`         // of every stream made by this process
	Servers  []ServerDurability `json:"servers"`          // by name
	Silent   int                `json:"silent,omitempty"` // servers that keep streams and did not answer
	Warnings []string           `json:"warnings,omitempty"`
}

// Holds reports whether an acknowledged write is on a disk: every server that answered
// syncs before it acknowledges, and so few are silent that no stream has a quorum of
// its replicas without one that answered. So a process can start while a server is
// down, which is what replicas are for.
func (d Durability) Holds() bool {
	return len(d.Servers) > 0 && d.Silent <= (d.Replicas-1)/2 &&
		!slices.ContainsFunc(d.Servers, func(s ServerDurability) bool { return s.Sync != SyncAlways })
}

// ServerDurability is what one NATS server says of itself.
type ServerDurability struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Sync    string `json:"sync"`
}

// String returns one line for a banner.
func (d Durability) String() string {
	s := fmt.Sprintf("%s, sync %s, replicas %d", d.Mode, d.Sync, d.Replicas)
	if len(d.Warnings) > 0 {
		s += "; WARNING: " + strings.Join(d.Warnings, "; ")
	}
	return s
}

// Durability asks the servers what they do now. What cannot be learnt is
// unknown and has a warning; it is never taken for good.
func (b *Bus) Durability(ctx context.Context) Durability {
	if b.embedded != nil {
		return b.embedded.durability(b.replicas)
	}
	d := Durability{Mode: ModeExternal, Sync: SyncUnknown, Replicas: b.replicas}
	if b.system == nil {
		d.Warnings = []string{"durability unknown: no credentials of the NATS system account are given"}
		return d
	}
	s, err := b.survey(ctx)
	if err != nil {
		d.Warnings = []string{"durability unknown: no NATS server answers through the system account"}
		return d
	}
	d.Servers, d.Silent = s.servers, s.size-len(s.servers)
	d.Sync, d.Warnings = weakest(s)
	return d
}

func (e *embedded) durability(replicas int) Durability {
	d := Durability{Mode: ModeEmbedded, Sync: SyncUnknown, Replicas: replicas}
	if conf := e.server.JetStreamConfig(); conf != nil {
		d.Sync = syncMode(*conf)
	}
	if d.Sync != SyncAlways {
		d.Warnings = []string{"durability unknown: JetStream is not running"}
	}
	d.Servers = []ServerDurability{{Name: e.server.Name(), Version: server.VERSION, Sync: d.Sync}}
	return d
}

// survey is what the servers that keep streams said of themselves.
type survey struct {
	servers []ServerDurability // by name
	size    int                // servers that keep streams, those that did not answer included
	longest time.Duration      // between an acknowledgement and its sync
}

const surveyTimeout = 2 * time.Second

// survey asks every server ($SYS.REQ.SERVER.PING.JSZ; config.sync_always and
// config.sync_interval in the answers of nats-server 2.15). It returns when as
// many have answered as the cluster says to have, or after surveyTimeout.
func (b *Bus) survey(ctx context.Context) (survey, error) {
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	inbox := b.system.NewRespInbox()
	sub, err := b.system.SubscribeSync(inbox)
	if err != nil {
		return survey{}, busError("ask NATS servers", err)
	}
	defer sub.Unsubscribe() // fails only on a connection that is gone
	if err := b.system.PublishRequest("$SYS.REQ.SERVER.PING.JSZ", inbox, nil); err != nil {
		return survey{}, busError("ask NATS servers", err)
	}
	var s survey
	for s.size == 0 || len(s.servers) < s.size {
		msg, err := sub.NextMsgWithContext(ctx)
		if errors.Is(err, nats.ErrNoResponders) || err != nil && len(s.servers) == 0 {
			return survey{}, busError("ask NATS servers", err)
		}
		if err != nil {
			break // those that did not answer are counted in size
		}
		s.add(msg.Data)
	}
	slices.SortFunc(s.servers, func(a, b ServerDurability) int { return cmp.Compare(a.Name, b.Name) })
	return s, nil
}

// add takes one server's answer in. An answer that cannot be read, or of a
// server without JetStream, adds nothing.
func (s *survey) add(answer []byte) {
	var resp server.ServerAPIJszResponse
	if err := json.Unmarshal(answer, &resp); err != nil || resp.Server == nil || resp.Data == nil || resp.Data.Disabled {
		return
	}
	s.servers = append(s.servers, ServerDurability{
		Name:    resp.Server.Name,
		Version: resp.Server.Version,
		Sync:    syncMode(resp.Data.Config),
	})
	s.size = max(s.size, 1)
	if m := resp.Data.Meta; m != nil {
		s.size = max(s.size, m.Size)
	}
	if c := resp.Data.Config; !c.SyncAlways {
		s.longest = max(s.longest, c.SyncInterval)
	}
}

// syncMode returns the word for a server's setting. An interval of 0 is no
// setting that a server reports.
func syncMode(c server.JetStreamConfig) string {
	switch {
	case c.SyncAlways:
		return SyncAlways
	case c.SyncInterval > 0:
		return "every " + c.SyncInterval.String()
	}
	return SyncUnknown
}

// weakest returns the mode that the whole cluster can be trusted with, and a
// warning for each server that is not good.
func weakest(s survey) (string, []string) {
	var warnings []string
	mode := SyncAlways
	for _, srv := range s.servers {
		switch srv.Sync {
		case SyncAlways:
		case SyncUnknown:
			warnings = append(warnings, "durability unknown: NATS server "+srv.Name+" does not say when it syncs")
		default:
			mode = "every " + s.longest.String()
			warnings = append(warnings, fmt.Sprintf("NATS server %s acknowledges before it syncs (%s): a power cut can lose what was acknowledged; set sync_interval: always", srv.Name, srv.Sync))
		}
	}
	if missing := s.size - len(s.servers); missing > 0 {
		warnings = append(warnings, fmt.Sprintf("durability unknown: %d of %d NATS servers do not answer", missing, s.size))
	}
	if len(s.servers) < s.size || slices.ContainsFunc(s.servers, func(srv ServerDurability) bool { return srv.Sync == SyncUnknown }) {
		mode = SyncUnknown
	}
	return mode, warnings
}
