package fence

import (
	"fmt"
	"slices"
	"strings"
)

const module = "github.com/manoward/manoward"

// place is where an import stands.
type place int

const (
	inSource place = iota // what is built into the binary
	inTest                // _test.go of the package itself
	outTest               // _test.go of the external package x_test
)

// room is a folder of the plan with all below it. A path that ends in "/*"
// makes a room of each child.
type room struct {
	path  string
	rooms []string // rooms of ours it may import besides itself
	bare  bool     // no module outside the standard library, not even golang.org/x
	why   string
}

var (
	floor0 = []string{"internal/hub"}
	floor1 = []string{"policies", "attestation", "internal/httpapi", "internal/journal", "internal/config", "internal/obs", "internal/durable", "internal/vault", "internal/sol", "internal/sol001", "internal/ifa006", "internal/certmgmt", "internal/state", "internal/notify", "internal/faults", "internal/performance", "internal/certlint", "internal/backup", "internal/packaging"}
	roles  = []string{"mano-core/*", "smgr", "cmf"}
	// connectors are the adapters to outside systems.
	connectors = []string{"connectors/*"}
	floors01   = slices.Concat(floor0, floor1)
	everything = slices.Concat(floors01, roles, connectors)
)

const (
	whyFloor1 = "floor 1 imports floor 0 and its own third-party family only, so that each part can be read, tested and replaced alone"
	whyRole   = "a role imports floors 0 and 1 only: roles meet over reference points, ports and the bus, and cmd/manoward/wire binds them"
	whyTool   = "a tool of the build stands alone"
)

// rooms is the table "Who may import whom" of the plan. A package belongs to
// the room with the longest matching path.
var rooms = []room{
	{"internal/hub", nil, true, "floor 0 is the vocabulary: it imports the standard library only, so that everybody can import it"},
	{"internal/durable", nil, true, "durable writes of files need the standard library only, and are trusted because they are that small"},
	{"internal/vault", []string{"internal/hub", "internal/durable"}, true, "the vault guards keys: the less code it needs, the easier it is to judge (ADR-0002)"},
	{"internal/backup", []string{"internal/hub", "internal/durable"}, true, "a backup must be readable when nothing else works: it needs the standard library and durable writes"},
	{"policies", floor0, false, whyFloor1},
	{"attestation", floor0, false, "attestation is pure: bytes, time and roots give a verdict; no network, no store, floor 0 only (its attester alone speaks to devices)"},
	{"internal/httpapi", floor0, false, whyFloor1},
	{"internal/journal", floor0, false, whyFloor1},
	{"internal/config", floor0, false, whyFloor1},
	{"internal/obs", floor0, false, whyFloor1},
	{"internal/sol", nil, true, "the data types of ETSI's stage 3 are plain data: the standard library only"},
	{"internal/ifa006", nil, true, "the data types of the VIM's interfaces are plain data: the standard library only"},
	{"internal/certmgmt", nil, true, "the data types of certificate management are plain data: the standard library only"},
	{"internal/sol001", floor0, false, whyFloor1},
	{"internal/certlint", nil, false, whyFloor1},
	{"internal/packaging", nil, false, whyFloor1},
	{"internal/state", floor0, false, whyFloor1},
	{"internal/notify", []string{"internal/hub", "internal/state", "internal/httpapi"}, false, "delivery of notifications stands on stored subscriptions and the rules of REST, and knows no role"},
	{"internal/faults", []string{"internal/hub", "internal/sol", "internal/state", "internal/httpapi", "internal/notify"}, false, "an alarm list stands on stored resources, their notifications and the rules of REST, and knows no role"},
	{"internal/performance", []string{"internal/hub", "internal/sol", "internal/ifa006", "internal/state", "internal/httpapi", "internal/notify"}, false, "PM jobs and thresholds stand on stored resources, their notifications, what a VIM measured and the rules of REST, and know no role"},
	{"mano-core/*", floors01, false, whyRole},
	{"smgr", floors01, false, whyRole},
	{"cmf", floors01, false, whyRole},
	{"connectors/*", floors01, false, "a connector imports floors 0 and 1 only: never a role, never another connector"},
	{"cmd/manoward/demo", []string{"internal/hub", "internal/durable", "internal/packaging", "attestation", "examples"}, false,
		"a demonstration is an outside client: it drives a hub by the verbs and files that users have, and knows neither roles nor the CLI's inside (ADR-0020)"},
	{"cmd/manoward/cli", []string{"cmd/manoward/demo", "examples", "internal/hub", "internal/httpapi", "internal/durable", "internal/config", "internal/sol", "internal/ifa006", "internal/certmgmt", "internal/journal", "policies", "attestation"}, false,
		"the CLI is a REST client with local-file verbs and knows nothing of the roles (ADR-0003); policies are written, checked and tried on files (ADR-0009), and so are attestations judged (ADR-0012) and evidence is verified (ADR-0015); it hands the verb demo to what shows it (ADR-0020)"},
	{"cmd/manoward/wire", append(slices.Clone(everything), "cmd/manoward/cli"), false, "wire builds the roles and gives the CLI what it starts (cli.Parts); it knows nothing that is for tests"},
	{"cmd/manoward", []string{"cmd/manoward/cli", "cmd/manoward/wire"}, true, "main hands wire to the CLI in 15 lines"},
	{"examples", []string{"internal/hub", "internal/httpapi"}, false, "an example is an outside client: it shows what a user can do"},
	{"internal/testkit", slices.Concat(floors01, connectors), false, "helpers of tests know no role, so that every role's tests can use them"},
	{"internal/e2e", slices.Concat(everything, []string{"cmd/manoward/cli", "cmd/manoward/wire", "internal/testkit"}), false, "tests across roles"},
	{"internal/fence", nil, true, whyTool},
	{"internal/trace", nil, true, whyTool},
	{"internal/testsum", nil, true, whyTool},
	{"internal/benchsum", nil, true, whyTool},
}

// family is a third-party library with all that belongs to it.
type family struct {
	name     string
	prefixes []string // of import paths
	rooms    []string // that may import it; nil is every room that is not bare
	testOnly bool
	hidden   bool // no exported name of ours may show its types
	why      string
}

// families are the third-party fences of the plan. A package belongs to the
// family with the longest matching prefix. What no family holds is refused
// everywhere.
var families = []family{
	{"OPA", []string{"github.com/open-policy-agent"}, []string{"policies"}, false, true,
		"policy is evaluated in one place, so that its engine can be updated and limited in one place"},
	{"JSON Schema", []string{"github.com/santhosh-tekuri/jsonschema"}, []string{"policies", "internal/testkit"}, false, true,
		"inputs and parameters of policies are checked in one place, with the schemas that the policies were compiled against (tests hold what we write for others against its official schema)"},
	{"NATS", []string{"github.com/nats-io"}, []string{"connectors/natsbus", "internal/e2e"}, false, true,
		"durability and separation of trust domains are promises of natsbus alone (internal/e2e attacks it as an outsider)"},
	{"smallstep", []string{"github.com/smallstep", "go.step.sm"}, []string{"connectors/stepca"}, false, true,
		"step-ca is one CA among several, and safe only with the checks that connectors/stepca puts around it"},
	{"CMS", []string{"github.com/smallstep/pkcs7"}, []string{"internal/packaging"}, false, true,
		"packages are signed in one place, and judged in another (mano-core/catalogue/csar) by a reader of our own"},
	{"PKCS#11", []string{"github.com/ThalesGroup/crypto11", "github.com/ThalesIgnite/crypto11", "github.com/miekg/pkcs11"}, []string{"connectors/pkcs11"}, false, true,
		"it needs cgo, and one process must initialise a PKCS#11 module once"},
	{"go-tpm", []string{"github.com/google/go-tpm"}, []string{"attestation/tpm", "attestation/attester"}, false, true,
		"TPM structures are parsed in the verifier and made in the attester, nowhere else"},
	{"transparency log", []string{"github.com/transparency-dev", "golang.org/x/mod"}, []string{"internal/journal"}, false, true,
		"the tamper-evident log has one writer and one reader of its format"},
	{"zlint", []string{"github.com/zmap"}, []string{"internal/certlint"}, false, true, "which rules a certificate has to keep is decided in one place"},
	{"OCSP", []string{"golang.org/x/crypto/ocsp"}, []string{"connectors/stepca"}, false, true, "who holds the key of the authority signs its OCSP answers"},
	{"DER of certificates", []string{"golang.org/x/crypto/cryptobyte"}, []string{"connectors/stepca", "internal/certlint"}, false, true, "what is to be signed is taken apart where it is linted and signed"},
	{"Prometheus", []string{"github.com/prometheus"}, []string{"internal/obs"}, false, false, "metrics are named and listed in one place"},
	{"OpenTelemetry", []string{"go.opentelemetry.io"}, []string{"internal/obs"}, false, false, "traces are made in one place, and off by default"},
	{"YAML", []string{"go.yaml.in"}, []string{"internal/config", "cmd/manoward/cli", "internal/sol001", "policies", "internal/testkit/openapi"}, false, false, "YAML is the configuration, -o yaml, an inventory file, TOSCA descriptors, samples of policies and the official API files, each read in one place"},
	{"HTTP mechanics", []string{"github.com/evanphx/json-patch", "github.com/go-jose/go-jose", "golang.org/x/time"}, []string{"internal/httpapi"}, false, false,
		"merge patch, tokens and rate limits are mechanics of REST, done once"},
	{"compressed values", []string{"github.com/klauspost/compress"}, []string{"internal/state", "smgr/decide"}, false, true, "values that are held in memory, and what policies judge, are compressed in one place each"},
	{"command line", []string{"github.com/spf13"}, []string{"cmd/manoward/cli"}, false, false, "verbs and flags are the CLI's"},
	{"terminal", []string{"golang.org/x/term"}, []string{"internal/obs", "cmd/manoward/cli"}, false, false, "only what prints asks whether a terminal is there"},
	{"Go team", []string{"golang.org/x/sync", "golang.org/x/sys"}, nil, false, false, "extensions of the standard library"},
	{"OpenAPI", []string{"github.com/getkin/kin-openapi"}, []string{"internal/testkit"}, false, true,
		"answers are held against the official files in tests; the binary neither needs nor carries the checker"},
	{"AWS SDK", []string{"github.com/aws"}, []string{"internal/e2e/interop/tnb"}, false, true,
		"it is a client that drives us in a test, and a module of its own keeps it out of go.mod"},
	{"testscript", []string{"github.com/rogpeppe/go-internal"}, nil, true, false, "it runs test scripts and has no place in the binary"},
}

// refuse returns why the package importer may not import imp at this place, or
// "" when it may. Both are import paths.
func refuse(importer, imp string, at place) string {
	from, ok := roomOf(importer)
	if !ok {
		return fmt.Sprintf("%s is no room of the plan: put it where it belongs, or add it to docs/architecture.md and internal/fence", importer)
	}
	if path, ours := below(imp, module); ours {
		return refuseOurs(from, importer, path, at)
	}
	if first, _, _ := strings.Cut(imp, "/"); !strings.Contains(first, ".") {
		return "" // standard library
	}
	return refuseThird(from, importer, imp, at)
}

func refuseOurs(from room, importer, path string, at place) string {
	to, ok := roomOf(module + "/" + path)
	switch {
	case !ok:
		return path + " is no room of the plan"
	case to.path == from.path && name(from, importer) == name(to, module+"/"+path):
		return ""
	case contains(from.rooms, path):
		return ""
	case at != inSource && to.path == "internal/testkit":
		return ""
	case at == outTest && contains(everything, path): // a package is tested with the real parts around it
		return ""
	case to.path == "internal/testkit":
		return "internal/testkit is for tests only"
	}
	return from.why
}

func refuseThird(from room, importer, imp string, at place) string {
	f, ok := familyOf(imp)
	if !ok {
		return imp + " is behind no fence: say in docs/dependencies.md what it is for, and give it one in internal/fence"
	}
	path, _ := below(importer, module)
	switch {
	case f.testOnly && at == inSource:
		return f.name + " is for tests only: " + f.why
	case f.testOnly:
		return ""
	case f.rooms == nil && from.bare:
		return from.why
	case f.rooms == nil || contains(f.rooms, path):
		return ""
	}
	return fmt.Sprintf("%s is for %s only: %s", f.name, strings.Join(f.rooms, " and "), f.why)
}

// familyOf returns the family of a third-party package.
func familyOf(imp string) (family, bool) {
	best, longest := family{}, ""
	for _, f := range families {
		for _, p := range f.prefixes {
			if _, ok := below(imp, p); (ok || imp == p) && len(p) > len(longest) {
				best, longest = f, p
			}
		}
	}
	return best, longest != ""
}

// roomOf returns the room of a package of ours.
func roomOf(importPath string) (room, bool) {
	path, ours := below(importPath, module)
	if !ours {
		return room{}, false
	}
	best := room{}
	for _, r := range rooms {
		if len(r.path) > len(best.path) && contains([]string{r.path}, path) {
			best = r
		}
	}
	return best, best.path != ""
}

// name returns the folder that is the room of importPath: for "mano-core/*"
// the child of mano-core.
func name(r room, importPath string) string {
	path, _ := below(importPath, module)
	depth := strings.Count(r.path, "/") + 1
	return strings.Join(strings.SplitN(path+"/", "/", depth+1)[:depth], "/")
}

// contains reports whether path is one of the rooms or below one.
func contains(rooms []string, path string) bool {
	return slices.ContainsFunc(rooms, func(r string) bool {
		if parent, each := strings.CutSuffix(r, "/*"); each {
			_, ok := below(path, parent)
			return ok
		}
		_, ok := below(path, r)
		return ok || path == r
	})
}

// below cuts the folder and a slash from path.
func below(path, folder string) (string, bool) {
	return strings.CutPrefix(path, folder+"/")
}
