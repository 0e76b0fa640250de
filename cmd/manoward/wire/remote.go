package wire

import (
	"context"
	"encoding/json"
	"net"

	"github.com/manoward/manoward/connectors/natsbus"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/obs"
	"github.com/manoward/manoward/mano-core/trust"
)

// The subjects, in the hub's own account, on which the trust role answers the
// processes that serve endpoints and run functions.
const (
	subjectSignEndpoint = "trust.sign-endpoint"
	subjectSignFunction = "trust.sign-function"
	subjectSignAdmin    = "trust.sign-admin"
	subjectRenew        = "trust.renew"
	trustGroup          = "trust"
)

type signEndpointRequest struct {
	Domain     string `json:"domain"`
	ServerName string `json:"serverName"`
	Request    []byte `json:"request"` // PKCS#10, DER
}

type signFunctionRequest struct {
	Identity string   `json:"identity"`
	Names    []string `json:"names"`
	IPs      []net.IP `json:"ips"`
	Request  []byte   `json:"request"` // PKCS#10, DER
}

type signAdminRequest struct {
	IPs     []net.IP `json:"ips"`
	Request []byte   `json:"request"` // PKCS#10, DER
}

type renewRequest struct {
	Caller  string `json:"caller"`
	Request string `json:"request"` // PKCS#10, PEM
}

// answerRemote answers the processes that serve endpoints until ctx ends. Who
// can ask is who can reach the hub's own account on the bus.
func answerRemote(ctx context.Context, bus *natsbus.Account, reg *trust.Registry, tracer *obs.Tracer) error {
	err := answer(ctx, bus, subjectSignEndpoint, tracer, func(ctx context.Context, in signEndpointRequest) (any, error) {
		return reg.SignEndpoint(ctx, in.Domain, in.ServerName, in.Request)
	})
	if err != nil {
		return err
	}
	err = answer(ctx, bus, subjectSignFunction, tracer, func(ctx context.Context, in signFunctionRequest) (any, error) {
		id, err := hub.ParseIdentity(in.Identity)
		if err != nil {
			return nil, err
		}
		return reg.SignFunction(ctx, id, in.Names, in.IPs, in.Request)
	})
	if err != nil {
		return err
	}
	err = answer(ctx, bus, subjectSignAdmin, tracer, func(ctx context.Context, in signAdminRequest) (any, error) {
		return reg.SignAdmin(ctx, []string{trust.PointServerName(hub.Admin, reg.ServerNameSuffix)}, in.IPs, in.Request)
	})
	if err != nil {
		return err
	}
	return answer(ctx, bus, subjectRenew, tracer, func(ctx context.Context, in renewRequest) (any, error) {
		caller, err := hub.ParseIdentity(in.Caller)
		if err != nil {
			return nil, err
		}
		return reg.Renew(ctx, caller, in.Request)
	})
}

// answer serves one subject with JSON in and out, in the trace of who asks.
func answer[In any](ctx context.Context, bus *natsbus.Account, subject string, tracer *obs.Tracer, do func(context.Context, In) (any, error)) error {
	return bus.Serve(ctx, subject, trustGroup, func(ctx context.Context, data []byte) (_ []byte, err error) {
		ctx, end := tracer.Start(ctx, subject)
		defer func() { end(err) }()
		var in In
		if err := json.Unmarshal(data, &in); err != nil {
			return nil, hub.E(hub.Invalid, subject, "not a request", err)
		}
		out, err := do(ctx, in)
		if err != nil {
			return nil, err
		}
		return json.Marshal(out)
	})
}

// remoteTrust asks the trust role over the bus.
type remoteTrust struct{ bus *natsbus.Account }

// SignEndpoint implements [trust.EndpointSigner].
func (t remoteTrust) SignEndpoint(ctx context.Context, domain, serverName string, csr []byte) ([][]byte, error) {
	var chain [][]byte
	err := t.ask(ctx, subjectSignEndpoint, signEndpointRequest{domain, serverName, csr}, &chain)
	if err == nil && len(chain) == 0 {
		err = hub.E(hub.Unavailable, "sign endpoint certificate", "the trust role answered without a certificate", nil)
	}
	return chain, err
}

// SignFunction implements functionSigner.
func (t remoteTrust) SignFunction(ctx context.Context, id hub.Identity, names []string, ips []net.IP, csr []byte) ([][]byte, error) {
	var chain [][]byte
	err := t.ask(ctx, subjectSignFunction, signFunctionRequest{id.String(), names, ips, csr}, &chain)
	if err == nil && len(chain) == 0 {
		err = hub.E(hub.Unavailable, "sign function certificate", "the trust role answered without a certificate", nil)
	}
	return chain, err
}

// SignAdmin asks for the certificate of an operators' entrance.
func (t remoteTrust) SignAdmin(ctx context.Context, ips []net.IP, csr []byte) ([][]byte, error) {
	var chain [][]byte
	err := t.ask(ctx, subjectSignAdmin, signAdminRequest{ips, csr}, &chain)
	if err == nil && len(chain) == 0 {
		err = hub.E(hub.Unavailable, "sign certificate of the operators' entrance", "the trust role answered without a certificate", nil)
	}
	return chain, err
}

// Renew implements [trustapi.Renewer].
func (t remoteTrust) Renew(ctx context.Context, caller hub.Identity, csr string) (*hub.Credential, error) {
	var cred hub.Credential
	return &cred, t.ask(ctx, subjectRenew, renewRequest{caller.String(), csr}, &cred)
}

func (t remoteTrust) ask(ctx context.Context, subject string, in, out any) error {
	data, err := json.Marshal(in)
	if err != nil {
		return err
	}
	answer, err := t.bus.Request(ctx, subject, data)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, out)
}
