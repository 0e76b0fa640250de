package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/manoward/manoward/examples"
	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
)

// Setup is what the hub is configured with before it starts. The scenarios add to it.
type Setup struct {
	// Dir is the folder of the scenario that is prepared, with the files of its example;
	// its steps run there.
	Dir string

	ctx     context.Context
	home    string
	config  hubConfig
	devices *devices
}

// hubConfig is the part of the hub's configuration that scenarios need (internal/config).
type hubConfig struct {
	SecurityManagers      []managerConfig `json:"securityManagers,omitempty"`
	CertificateManagement cmfConfig       `json:"certificateManagement"`
}

type managerConfig struct {
	Name        string `json:"name"`
	TrustDomain string `json:"trustDomain"`
	Credentials string `json:"credentials"`
	ScOr        string `json:"scOr"`
	ScVi        string `json:"scVi"`
	Policies    string `json:"policies,omitempty"`
	PolicyKey   string `json:"policyKey,omitempty"`
	PolicyKeyID string `json:"policyKeyId,omitempty"`
}

type cmfConfig struct {
	VNFMDevice string      `json:"vnfmDevice,omitempty"`
	Domains    []cmfDomain `json:"domains,omitempty"`
}

type cmfDomain struct {
	TrustDomain string `json:"trustDomain"`
	DeviceRoots string `json:"deviceRoots"`
}

// Manager has the hub run a Security Manager, once "sm register --out NAME" was run in
// the scenario's folder. Its policies are those of a folder there, or with "library"
// those that are built in.
func (s *Setup) Manager(name, domain, policies string) error {
	if policies != "library" {
		policies = filepath.Join(s.Dir, policies)
	}
	return s.manage(managerConfig{Name: name, TrustDomain: domain, Policies: policies})
}

// SignedManager is Manager for one that begins with the policies that are built in, and
// takes those that are pushed to it, signed with a key whose public part is in a file.
func (s *Setup) SignedManager(name, domain, key, keyID string) error {
	return s.manage(managerConfig{Name: name, TrustDomain: domain, PolicyKey: key, PolicyKeyID: keyID})
}

func (s *Setup) manage(m managerConfig) error {
	m.Credentials = filepath.Join(s.Dir, m.Name)
	for _, to := range []*string{&m.ScOr, &m.ScVi} {
		// The hub takes port 0 everywhere but here, where others have to know the port
		// before it is opened.
		l, err := listen(firstPort, ports)
		if err != nil {
			return hub.E(hub.Unavailable, opDemo, fmt.Sprintf("no port from %d to %d on 127.0.0.1 can be opened; end what listens there, or allow this user to listen on loopback", firstPort, firstPort+ports-1), err)
		}
		*to = l.Addr().String()
		s.devices.ports = append(s.devices.ports, l) // all are held until all are chosen
	}
	s.config.SecurityManagers = append(s.config.SecurityManagers, m)
	return nil
}

// firstPort is the first of the ports that the hub is told to listen on. They lie below
// those that systems choose by themselves (32768 and above), one of which could be taken
// between the choice and the start of the hub.
const firstPort, ports = 20_000, 12_000

// portTries is how many ports are tried before it is said that there is none.
const portTries = 100

// listen opens one of so many ports of loopback from first on, which one is left to
// chance. Its error is that of the last one that was tried.
func listen(first, count int) (l net.Listener, err error) {
	for range portTries {
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(first+rand.IntN(count)))); err == nil {
			return l, nil
		}
	}
	return nil, err
}

// TrustDevices has the CMF trust in a trust domain the maker of the demonstration's TPMs.
func (s *Setup) TrustDevices(domain string) error {
	roots, err := s.devices.roots()
	if err != nil {
		return err
	}
	s.config.CertificateManagement.Domains = append(s.config.CertificateManagement.Domains, cmfDomain{domain, roots})
	return nil
}

// CertifyVNFCs gives the hub's own VNFM a TPM, in which it makes the keys of VNFCs, and
// has the CMF trust its maker in a trust domain. It reports whether there is one: where
// swtpm is not installed the VNFM asks for no certificates.
func (s *Setup) CertifyVNFCs(domain string) (bool, error) {
	if !s.devices.hasTPM() {
		return false, nil
	}
	if s.config.CertificateManagement.VNFMDevice == "" {
		where, err := s.devices.newTPM(s.ctx)
		if err != nil {
			return false, err
		}
		s.config.CertificateManagement.VNFMDevice = where
	}
	return true, s.TrustDevices(domain)
}

// prepare makes the folder of each scenario and asks what the hub has to be configured
// with, which it writes to the file that it returns.
func (s *Setup) prepare(all []Scenario) (string, error) {
	for _, one := range all {
		s.Dir = filepath.Join(s.home, one.Name)
		folder, err := examples.Folder(one.Name)
		if err == nil {
			err = os.CopyFS(s.Dir, folder)
		}
		if err != nil {
			return "", hub.E(hub.Unavailable, opDemo, fmt.Sprintf("the files of %s cannot be written to %s; make room there, or name another --home", one.Name, s.home), err)
		}
		if one.Prepare == nil {
			continue
		}
		if err := one.Prepare(s); err != nil {
			return "", err
		}
	}
	raw, err := json.MarshalIndent(s.config, "", "  ") // JSON is YAML
	if err != nil {
		return "", err
	}
	file := filepath.Join(s.home, "hub.yaml")
	if err := durable.WriteFile(file, append(raw, '\n'), 0o600); err != nil {
		return "", hub.E(hub.Unavailable, opDemo, fmt.Sprintf("%s cannot be written; make room there, or name another --home", file), err)
	}
	s.devices.release()
	return file, nil
}
