package trust

import (
	"fmt"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
)

// Operation is something a party can ask for on an interface. Operations of
// ETSI's are spelt as in SOL005 where it has a name for them.
type Operation string

// The operations that any Security Manager has about itself, on each of its
// endpoints.
const (
	ReadSession     Operation = "session.read"     // who am I here, and what may I do
	RenewCredential Operation = "credential.renew" // a new certificate for a new key, before the old one ends
)

// Attribute narrows an operation down to one thing it can carry. The empty
// Attribute is the operation by itself.
type Attribute string

// The attributes that termination and stop-use orders carry (Sc-Or.SecEnforce.002
// to .004).
const (
	Replace        Attribute = "replace"         // may another VNF be created in its place
	Snapshot       Attribute = "snapshot"        // keep a snapshot first
	DisablePackage Attribute = "disable-package" // disable the VNF package and VNFD
	CoHosted       Attribute = "co-hosted"       // terminate the other VNFs of the host as well
	Erase          Attribute = "erase"           // erase HMEE, TPM, HSM and other storage it used
	Migrate        Attribute = "migrate"         // move the host's VNFs away
	Terminate      Attribute = "terminate"       // terminate the host's VNFs
	Quarantine     Attribute = "quarantine"      // quarantine the host with its VNFs
)

// AnyInterface in a [Rule] stands for each of the five logical interfaces.
const AnyInterface hub.Interface = "*"

// AdminInterface is the operators' entrance.
const AdminInterface hub.Interface = "admin"

// What is produced on the listeners of an [Entrance]. A party has no mode there.
const (
	OsMaInterface   hub.Interface = "os-ma"   // SOL005: nslcm, nsd, vnfpkgm
	OrVnfmInterface hub.Interface = "or-vnfm" // SOL003 of the NFVO: grant, vnfpkgm; and where VNFMs and the VIM notify it
	VNFMInterface   hub.Interface = "vnfm"    // SOL003 of the VNFM: vnflcm; and where the VIM notifies it
	VIMInterface    hub.Interface = "vim"     // Or-Vi and Vi-Vnfm
	CmVnfmInterface hub.Interface = "cm-vnfm" // certificate management of the CMF: certmgmt
)

// Rule is one row of the decision table: a kind of party, or of the hub's own
// function of a kind ("nfvo/hub"), may ask this operation on this interface in
// these modes, about things of its own trust domain. A party of [HubDomain] sees the things of every trust domain. What no rule allows is
// refused.
type Rule struct {
	Party       hub.Kind      `json:"party"`
	Interface   hub.Interface `json:"interface"`
	Operation   Operation     `json:"operation"`
	Attribute   Attribute     `json:"attribute,omitempty"`
	Modes       string        `json:"modes"`       // letters of P, S, F; "-" for a party without a mode
	OtherDomain bool          `json:"otherDomain"` // also about things of another trust domain, for a party that is bound to one
	Requirement string        `json:"requirement"` // row of docs/requirements.md
}

// Rules returns the decision table, in the order in which it is read and
// printed. The caller may change the copy.
func Rules() []Rule {
	const (
		all   = "PSF"
		act   = "SF"
		fully = "F"
		sm    = hub.KindSM
		op    = hub.KindOperator

		client  = hub.KindClient
		auditor = hub.KindAuditor
	)
	return slices.Concat([]Rule{
		// About itself.
		{sm, AnyInterface, ReadSession, "", all, false, "Security.003"},
		{sm, AnyInterface, RenewCredential, "", all, false, "Security.006"},

		// Sc-Or: NS Lifecycle Management (IFA 033 clause 5.3.1).
		{sm, hub.ScOrNsLcm, "subscription.create", "", all, false, "Sc-Or.001"},
		{sm, hub.ScOrNsLcm, "subscription.query", "", all, false, "Sc-Or.001"},
		{sm, hub.ScOrNsLcm, "subscription.terminate", "", all, false, "Sc-Or.001"},
		{sm, hub.ScOrNsLcm, "notification.receive", "", all, false, "Sc-Or.NsLcm.004"},
		{sm, hub.ScOrNsLcm, "ns.query", "", all, false, "Sc-Or.NsLcm.001"},
		{sm, hub.ScOrNsLcm, "vnf-package.query", "", all, false, "Sc-Or.NsLcm.002"},

		// Sc-Or: Status Information Management (clause 5.3.2).
		{sm, hub.ScOrStatusInfo, "ns.query", "", all, false, "Sc-Or.StatusInfo.001"},

		// Sc-Or: Security Policy Enforcement (clause 5.3.3).
		{sm, hub.ScOrSecEnforce, "ns.query", "", act, false, "Sc-Or.SecEnforce.001"},
		{sm, hub.ScOrSecEnforce, "ns.update:REMOVE_VNF", "", act, false, "Sc-Or.SecEnforce.002"},
		{sm, hub.ScOrSecEnforce, "ns.update:REMOVE_VNF", Replace, act, false, "Sc-Or.SecEnforce.002"},
		{sm, hub.ScOrSecEnforce, "ns.update:REMOVE_VNF", Snapshot, act, false, "Sc-Or.SecEnforce.002"},
		{sm, hub.ScOrSecEnforce, "ns.update:REMOVE_VNF", DisablePackage, fully, false, "Sc-Or.SecEnforce.003"},
		{sm, hub.ScOrSecEnforce, "ns.update:REMOVE_VNF", CoHosted, fully, false, "Sc-Or.SecEnforce.003"},
		{sm, hub.ScOrSecEnforce, "ns.update:REMOVE_VNF", Erase, fully, false, "Sc-Or.SecEnforce.003"},
		{sm, hub.ScOrSecEnforce, "ns.update:CREATE_VNF_SNAPSHOT", "", act, false, "Sc-Or.SecEnforce.002"},
		{sm, hub.ScOrSecEnforce, "ns.update:ADD_VNF", "", act, false, "Sc-Or.SecEnforce.002"},
		{sm, hub.ScOrSecEnforce, "ns.update:INSTANTIATE_VNF", "", act, false, "Sc-Or.SecEnforce.002"},
		{sm, hub.ScOrSecEnforce, "vnf-package.query", "", act, false, "Sc-Or.SecEnforce.001"},
		{sm, hub.ScOrSecEnforce, "vnf-package.update", "", fully, false, "Sc-Or.SecEnforce.003"},
		{sm, hub.ScOrSecEnforce, "host.stop-use", Migrate, act, false, "Sc-Or.SecEnforce.004"},
		{sm, hub.ScOrSecEnforce, "host.stop-use", Terminate, act, false, "Sc-Or.SecEnforce.004"},
		{sm, hub.ScOrSecEnforce, "host.stop-use", Quarantine, fully, false, "Sc-Or.SecEnforce.004"},

		// Sc-Or: Security VNF Management (clause 5.3.4).
		{sm, hub.ScOrSecurityVnfMgmt, "ns.query", "", act, false, "Sc-Or.SecurityVnfMgmt.001"},
		{sm, hub.ScOrSecurityVnfMgmt, "ns.update:ADD_VNF", "", act, false, "Sc-Or.SecurityVnfMgmt.001"},
		{sm, hub.ScOrSecurityVnfMgmt, "ns.update:INSTANTIATE_VNF", "", act, false, "Sc-Or.SecurityVnfMgmt.001"},
		{sm, hub.ScOrSecurityVnfMgmt, "ns.update:MODIFY_VNF_INFORMATION", "", act, false, "Sc-Or.SecurityVnfMgmt.001"},
		{sm, hub.ScOrSecurityVnfMgmt, "ns.update:CHANGE_VNFPKG", "", act, false, "Sc-Or.SecurityVnfMgmt.001"},
		{sm, hub.ScOrSecurityVnfMgmt, "ns.update:REMOVE_VNF", "", act, false, "Sc-Or.SecurityVnfMgmt.001"},

		// Sc-Vi: Telemetry Information Management (clauses 5.3.5 and 8.2).
		{sm, hub.ScViTelem, "telemetry.query", "", all, false, "Sc-Vi.Telem.001"},
		{sm, hub.ScViTelem, "telemetry.query-location", "", all, false, "Sc-Vi.Telem.002"},
		{sm, hub.ScViTelem, "subscription.create", "", all, false, "Sc-Vi.001"},
		{sm, hub.ScViTelem, "subscription.query", "", all, false, "Sc-Vi.001"},
		{sm, hub.ScViTelem, "subscription.terminate", "", all, false, "Sc-Vi.001"},
		{sm, hub.ScViTelem, "notification.receive", "", all, false, "Sc-Vi.Telem.001"},

		// The operator's entrance. It has no mode and sees every trust domain.
		{op, AdminInterface, "trust-domain.read", "", "-", true, "Security.003"},
		{op, AdminInterface, "trust-domain.create", "", "-", true, "Security.002"},
		{op, AdminInterface, "trust-domain.delete", "", "-", true, "Security.002"},
		{op, AdminInterface, "security-manager.read", "", "-", true, "Security.003"},
		{op, AdminInterface, "security-manager.register", "", "-", true, "Security.001"},
		{op, AdminInterface, "security-manager.set-mode", "", "-", true, "Sc-Or.NsLcm.008"},
		{op, AdminInterface, "security-manager.rotate", "", "-", true, "Security.006"},
		{op, AdminInterface, "security-manager.revoke", "", "-", true, "Security.006"},
		{op, AdminInterface, "bus-credential.issue", "", "-", true, "Security.006"},
		{op, AdminInterface, "record.read", "", "-", true, "Security.003"},
		{op, AdminInterface, "record.note", "", "-", true, "Security.003"},
		{op, AdminInterface, "journal.reseal", "", "-", true, "Security.003"},
		{op, AdminInterface, "reference-point.read", "", "-", true, "RefPoints"},
		{op, AdminInterface, "matrix.read", "", "-", true, "Sc-Or.SecEnforce.005"},
		{op, AdminInterface, "metrics.read", "", "-", true, "Security.003"},
		{op, AdminInterface, "oauth-client.read", "", "-", true, "Security.003"},
		{op, AdminInterface, "oauth-client.create", "", "-", true, "Security.003"},
		{op, AdminInterface, "oauth-client.certify", "", "-", true, "CMF.Register"},
		{op, AdminInterface, "oauth-client.delete", "", "-", true, "Security.003"},
		{op, AdminInterface, "operator.read", "", "-", true, "Security.003"},
		{op, AdminInterface, "operator.create", "", "-", true, "Security.003"},
		{op, AdminInterface, "operator.delete", "", "-", true, "Security.003"},

		// Security Managers that run here: what they decided, and how far they go.
		{op, AdminInterface, "sm.status.read", "", "-", true, "Security.003"},
		{op, AdminInterface, "sm.decision.read", "", "-", true, "Security.003"},
		{op, AdminInterface, "sm.decision.evaluate", "", "-", true, "Security.003"},
		{op, AdminInterface, "sm.order.read", "", "-", true, "Security.003"},
		{op, AdminInterface, "sm.order.approve", "", "-", true, "Sc-Or.SecEnforce.005"},
		{op, AdminInterface, "sm.order.reject", "", "-", true, "Sc-Or.SecEnforce.005"},
		{op, AdminInterface, "sm.pause", "", "-", true, "Sc-Or.SecEnforce.005"},
		{op, AdminInterface, "sm.resume", "", "-", true, "Sc-Or.SecEnforce.005"},
		{op, AdminInterface, "sm.limit.reset", "", "-", true, "Sc-Or.SecEnforce.005"},
		{op, AdminInterface, "sm.level.read", "", "-", true, "Security.003"},
		{op, AdminInterface, "sm.level.set", "", "-", true, "Sc-Or.SecEnforce.005"},
		{op, AdminInterface, "sm.policy.read", "", "-", true, "Security.003"},
		{op, AdminInterface, "sm.policy.push", "", "-", true, "Sc-Or.SecEnforce.005"},
		{op, AdminInterface, "sm.policy.activate", "", "-", true, "Sc-Or.SecEnforce.005"},
		{op, AdminInterface, "sm.policy.delete", "", "-", true, "Sc-Or.SecEnforce.005"},
		{op, AdminInterface, "sm.parameter.set", "", "-", true, "Sc-Or.SecEnforce.005"},
		// To be told of changed policies (SOL 012).
		{op, AdminInterface, "subscription.create", "", "-", true, "Security.003"},
		{op, AdminInterface, "subscription.query", "", "-", true, "Security.003"},
		{op, AdminInterface, "subscription.terminate", "", "-", true, "Security.003"},

		// An auditor of Security Managers, of its trust domain or of all, reads and
		// changes nothing. Nobody else but operators sees what they decide.
		{auditor, AdminInterface, "sm.status.read", "", "-", false, "Security.003"},
		{auditor, AdminInterface, "sm.decision.read", "", "-", false, "Security.003"},
		{auditor, AdminInterface, "sm.order.read", "", "-", false, "Security.003"},
		{auditor, AdminInterface, "sm.level.read", "", "-", false, "Security.003"},
		{auditor, AdminInterface, "sm.policy.read", "", "-", false, "Security.003"},

		// Programs with an OAuth 2.0 token read there and change nothing.
		{client, AdminInterface, "trust-domain.read", "", "-", true, "Security.003"},
		{client, AdminInterface, "security-manager.read", "", "-", true, "Security.003"},
		{client, AdminInterface, "reference-point.read", "", "-", true, "RefPoints"},
		{client, AdminInterface, "matrix.read", "", "-", true, "Sc-Or.SecEnforce.005"},
		{client, AdminInterface, "metrics.read", "", "-", true, "Security.003"},
	}, pointRules())
}

// Question is what has to be decided: may this caller ask this operation here.
type Question struct {
	Caller       hub.Identity
	Mode         hub.Mode      // of a Security Manager, as registered now
	Interface    hub.Interface // the endpoint that the request came in on
	Operation    Operation
	Attribute    Attribute
	TargetDomain string // trust domain of the thing it is about
}

// Verdict is the answer. A refusal has the code to answer with and its reason:
// hub.NotFound for what is another domain's, so that it looks like what does
// not exist, and hub.Denied for the rest.
type Verdict struct {
	Allowed bool
	Code    hub.Code
	Reason  string
	Rule    *Rule // the row that allowed or refused it; nil when there is none
}

// err is the answer to who was refused the operation.
func (v Verdict) err(op Operation) error {
	if v.Code == hub.NotFound {
		return hub.E(hub.NotFound, string(op), "not found", nil)
	}
	return hub.E(v.Code, string(op), v.Reason, nil)
}

type ruleKey struct {
	party     hub.Kind
	iface     hub.Interface
	operation Operation
	attribute Attribute
}

// Decider answers questions from the decision table. It is immutable and safe
// for concurrent use.
type Decider struct{ rules map[ruleKey]*Rule }

// NewDecider indexes the table.
func NewDecider() *Decider {
	d := &Decider{rules: map[ruleKey]*Rule{}}
	for _, r := range Rules() {
		for _, i := range r.interfaces() {
			d.rules[ruleKey{r.Party, i, r.Operation, r.Attribute}] = &r
		}
	}
	return d
}

func (r Rule) interfaces() []hub.Interface {
	if r.Interface == AnyInterface {
		return hub.Interfaces()
	}
	return []hub.Interface{r.Interface}
}

// rule is the row of an operation. An Update NS with its type, as
// "ns.update:REMOVE_VNF", that has no row of its own is under that of ns.update; not
// so for Security Managers, whose types have rows. Nothing else with a kind is: some
// ask for what no row allows, to have it recorded as refused.
func (d *Decider) rule(party hub.Kind, q *Question) *Rule {
	r := d.rules[ruleKey{party, q.Interface, q.Operation, q.Attribute}]
	if whole, _, has := strings.Cut(string(q.Operation), ":"); r == nil && has && whole == "ns.update" && party != hub.KindSM {
		r = d.rules[ruleKey{party, q.Interface, Operation(whole), q.Attribute}]
	}
	return r
}

// Decide answers q. What the table does not allow is refused.
func (d *Decider) Decide(q Question) Verdict {
	if q.Caller.Kind == hub.KindSM && q.Caller.Interface != q.Interface {
		return Verdict{Code: hub.Denied, Reason: fmt.Sprintf("a credential of %s opens no other interface", q.Caller.Interface)}
	}
	rule := d.rule(q.Caller.Kind, &q)
	if rule == nil && q.Caller == FunctionIdentity(q.Caller.Kind) {
		rule = d.rule(ownFunction(q.Caller.Kind), &q)
	}
	if q.TargetDomain != q.Caller.TrustDomain && q.Caller.TrustDomain != HubDomain && (rule == nil || !rule.OtherDomain) {
		// First of all: another answer to what nobody may ask would show that the
		// thing exists.
		return Verdict{Code: hub.NotFound, Reason: "it belongs to another trust domain", Rule: rule}
	}
	if rule == nil {
		return Verdict{Code: hub.Denied, Reason: fmt.Sprintf("%s is not an operation of %s on %s", q.name(), q.Caller.Kind, q.Interface)}
	}
	if rule.Modes != "-" && (q.Mode == "" || !strings.Contains(rule.Modes, q.Mode.Letter())) {
		return Verdict{Code: hub.Denied, Reason: fmt.Sprintf("mode %s does not allow %s", q.Mode, q.name()), Rule: rule}
	}
	return Verdict{Allowed: true, Rule: rule}
}

// Allowed lists what a Security Manager may ask for on an interface in a mode,
// as "operation" or "operation+attribute", in the order of the table.
func (d *Decider) Allowed(i hub.Interface, mode hub.Mode) []string {
	var names []string
	for _, r := range Rules() {
		if r.Party != hub.KindSM || !slices.Contains(r.interfaces(), i) {
			continue
		}
		q := Question{
			Caller: hub.Identity{TrustDomain: "own", Kind: r.Party, Interface: i},
			Mode:   mode, Interface: i, Operation: r.Operation, Attribute: r.Attribute, TargetDomain: "own",
		}
		if d.Decide(q).Allowed {
			names = append(names, q.name())
		}
	}
	return names
}

func (q Question) name() string {
	if q.Attribute == "" {
		return string(q.Operation)
	}
	return string(q.Operation) + "+" + string(q.Attribute)
}
