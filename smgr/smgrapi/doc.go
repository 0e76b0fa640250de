// Package smgrapi is the REST binding of Security Managers for operators and
// authors of policies: what was decided and why, what is ordered, and what the
// policies are and how far they act.
//
// [API.Routes] serves resources of ours, below
// /manoward/v1/security_managers/{name}; [API.PolicyRoutes] serves the Policy
// Management interface of ETSI GS NFV-SOL 012, nfvpolicy/v1, as far as its words
// have a meaning for a Security Manager. Neither decides anything: both ask the
// decision table who may, and then smgr/decide and smgr/enforce, which record
// what is changed before they answer.
package smgrapi
