package wire

import (
	"context"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr/smgrapi"
)

// reportCapabilities says at the start what the NFVO cannot do.
func (s *securityManager) reportCapabilities(ctx context.Context, p *smParts) {
	s.try(ctx, "ask the NFVO what it can do", func(ctx context.Context) error {
		c, err := p.enforcer.Capabilities(ctx)
		for _, missing := range c.Cannot {
			s.log.Warn("the NFVO cannot do everything that policies can ask for", "missing", missing)
		}
		return err
	})
}

// peer is what is known of the NFVO, nil before it was asked.
func (p *smParts) peer() *smgrapi.Peer {
	c, known := p.enforcer.Known()
	if !known {
		return nil
	}
	is := &smgrapi.Peer{Extensions: c.Extensions, Cannot: c.Cannot}
	if reduced := p.subscriber.Reduced(hub.ScOrNsLcm); reduced != "" {
		is.Cannot = append(is.Cannot, "it does not notify of "+reduced)
	}
	return is
}

// lacks says beside readiness what the NFVO of the Security Manager cannot do.
func (s *securityManager) lacks() []string {
	parts, err := s.running()
	if err != nil {
		return nil
	}
	is := parts.peer()
	if is == nil || is.Extensions {
		return nil
	}
	list := []string{"its NFVO is not one of ours, and cannot do everything that policies can ask for"}
	return append(list, is.Cannot...)
}
