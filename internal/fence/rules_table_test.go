package fence

import (
	"strings"
	"testing"
)

// The fence itself is tested with made-up imports, so that a rule that lets
// everything through is seen.
func TestRefuse(t *testing.T) {
	const allowed = ""
	tests := []struct {
		importer, imp string
		at            place
		why           string // part of the reason; allowed when empty
	}{
		{"internal/hub", "crypto/x509", inSource, allowed},
		{"internal/hub", "golang.org/x/sync/errgroup", inSource, "floor 0"},
		{"internal/hub", "~internal/obs", inSource, "floor 0"},
		{"internal/hub", "~internal/testkit", inTest, allowed},
		{"internal/durable", "~internal/hub", inSource, "standard library only"},
		{"internal/durable", "golang.org/x/sys/unix", inSource, "standard library only"},
		{"internal/vault", "~internal/durable", inSource, allowed},
		{"internal/vault", "~internal/config", inSource, "vault"},
		{"internal/backup", "~internal/durable", inSource, allowed},
		{"internal/backup", "golang.org/x/sys/unix", inSource, "standard library"},
		{"internal/backup", "~connectors/natsbus", inSource, "standard library"},
		{"cmd/manoward/cli", "~internal/backup", inSource, "knows nothing of the roles"},

		{"policies", "github.com/open-policy-agent/opa/v1/rego", inSource, allowed},
		{"smgr/decide", "github.com/open-policy-agent/opa/v1/rego", inSource, "OPA is for policies only"},
		{"policies", "~internal/hub", inSource, allowed},
		{"policies", "~internal/journal", inSource, "floor 1"},
		{"attestation/tpm", "github.com/google/go-tpm/tpm2", inSource, allowed},
		{"attestation/attester", "github.com/google/go-tpm/tpm2/transport", inSource, allowed},
		{"attestation/hsm", "github.com/google/go-tpm/tpm2", inSource, "go-tpm is for"},
		{"attestation/tpm", "~attestation", inSource, allowed},
		{"attestation/tpm", "~internal/httpapi", inSource, "pure"},
		{"internal/journal", "github.com/transparency-dev/tessera", inSource, allowed},
		{"internal/httpapi/oauth", "~internal/httpapi", inSource, allowed},
		{"internal/httpapi/oauth", "github.com/go-jose/go-jose/v4/jwt", inSource, allowed},
		{"internal/httpapi", "golang.org/x/time/rate", inSource, allowed},
		{"internal/httpapi", "go.opentelemetry.io/otel", inSource, "OpenTelemetry is for"},
		{"internal/httpapi", "~internal/obs", inSource, "floor 1"},
		{"internal/obs", "github.com/prometheus/client_golang/prometheus", inSource, allowed},
		{"internal/obs", "golang.org/x/term", inSource, allowed},
		{"internal/config", "go.yaml.in/yaml/v3", inSource, allowed},
		{"mano-core/trust", "go.yaml.in/yaml/v3", inSource, "YAML is for"},
		{"cmd/manoward/cli", "go.yaml.in/yaml/v3", inSource, allowed},

		{"mano-core/trust", "~internal/vault", inSource, allowed},
		{"mano-core/trust", "~policies", inSource, allowed},
		{"mano-core/trust", "~connectors/pkcs11", inSource, "a role imports floors 0 and 1"},
		{"mano-core/trust", "~connectors/pkcs11", inTest, "a role imports floors 0 and 1"},
		{"mano-core/trust", "~connectors/pkcs11", outTest, allowed},
		{"mano-core/scor", "~mano-core/trust", inSource, "a role imports floors 0 and 1"},
		{"mano-core/vim/scvi", "~mano-core/vim", inSource, allowed},
		{"smgr/decide", "~smgr/topology", inSource, allowed},
		{"smgr/intake", "~mano-core/scor", inSource, "a role imports floors 0 and 1"},
		{"smgr/intake", "~mano-core/scor", outTest, allowed},
		{"cmf/enrol", "~attestation/tpm", inSource, allowed},
		{"cmf/enrol", "~smgr/decide", inSource, "a role imports floors 0 and 1"},
		{"mano-core/trust", "~cmd/manoward/wire", outTest, "a role imports floors 0 and 1"},
		{"mano-core/trust", "golang.org/x/sync/singleflight", inSource, allowed},

		{"connectors/natsbus", "github.com/nats-io/nats-server/v2/server", inSource, allowed},
		{"connectors/natsbus", "github.com/nats-io/jwt/v2", inSource, allowed},
		{"connectors/natsbus", "~connectors/pkcs11", inSource, "never another connector"},
		{"connectors/natsbus", "~mano-core/trust", inSource, "never a role"},
		{"connectors/natsbus", "~internal/vault", inSource, allowed},
		{"connectors/pkcs11", "github.com/ThalesGroup/crypto11", inSource, allowed},
		{"connectors/pkcs11", "github.com/miekg/pkcs11", inTest, allowed},
		{"connectors/pkcs11", "~internal/testkit", inSource, "for tests only"},
		{"connectors/pkcs11", "~internal/testkit", outTest, allowed},
		{"connectors/stepca", "github.com/smallstep/certificates/authority", inSource, allowed},
		{"connectors/stepca", "go.step.sm/crypto/x509util", inSource, allowed},
		{"cmf/enrol", "go.step.sm/crypto/x509util", inSource, "smallstep is for"},
		{"internal/packaging", "github.com/smallstep/pkcs7", inSource, allowed},
		{"internal/packaging", "~internal/hub", inSource, "floor 1"},
		{"mano-core/catalogue/csar", "github.com/smallstep/pkcs7", inSource, "CMS is for"},
		{"internal/testkit/csartest", "github.com/smallstep/pkcs7", inSource, "CMS is for"},
		{"internal/testkit/csartest", "~internal/packaging", inSource, allowed},
		{"cmd/manoward/demo", "~internal/packaging", inSource, allowed},
		{"cmd/manoward/demo", "~cmd/manoward/cli", inSource, "outside client"},
		{"cmd/manoward/demo", "~mano-core/vim", inSource, "outside client"},
		{"cmd/manoward/cli", "~cmd/manoward/demo", inSource, allowed},
		{"mano-core/catalogue", "github.com/smallstep/certificates/ca", inSource, "smallstep is for"},
		{"connectors/stepca", "github.com/smallstep/pkcs7", inSource, "CMS is for"},
		{"mano-core/catalogue/csar", "~internal/testkit/csartest", inTest, allowed},

		{"cmd/manoward", "~cmd/manoward/wire", inSource, allowed},
		{"cmd/manoward", "~mano-core/trust", inSource, "15 lines"},
		{"cmd/manoward/cli", "github.com/spf13/cobra", inSource, allowed},
		{"cmd/manoward/cli", "~internal/httpapi", inSource, allowed},
		{"cmd/manoward/cli", "~internal/durable", inSource, allowed},
		{"cmd/manoward/cli", "~internal/config", inSource, allowed},
		{"cmd/manoward/cli", "~policies", inSource, allowed},
		{"cmd/manoward/cli", "~policies/library", inSource, allowed},
		{"cmd/manoward/cli", "~attestation/formats", inSource, allowed},
		{"cmd/manoward/cli", "github.com/google/go-tpm/tpm2", inSource, "go-tpm is for"},
		{"cmd/manoward/cli", "github.com/open-policy-agent/opa/v1/ast", inSource, "OPA is for policies only"},
		{"cmd/manoward/cli", "~smgr/decide", inSource, "knows nothing of the roles"},
		{"cmd/manoward/cli", "~internal/vault", inSource, "knows nothing of the roles"},
		{"cmd/manoward/cli", "~mano-core/trust", inSource, "knows nothing of the roles"},
		{"cmd/manoward/wire", "~mano-core/trust", inSource, allowed},
		{"cmd/manoward/wire", "~connectors/natsbus", inSource, allowed},
		{"cmd/manoward/wire", "~cmd/manoward/cli", inSource, allowed},
		{"cmd/manoward/wire", "~internal/testkit", inSource, "for tests only"},
		{"cmd/manoward/wire", "github.com/nats-io/nats.go", inSource, "NATS is for"},
		{"cmd/manoward/wire", "github.com/spf13/cobra", inSource, "command line is for"},
		{"cmd/manoward/cli", "github.com/rogpeppe/go-internal/testscript", outTest, allowed},
		{"cmd/manoward/cli", "github.com/rogpeppe/go-internal/testscript", inSource, "for tests only"},

		{"internal/e2e", "~smgr/decide", inTest, allowed},
		{"internal/e2e", "~internal/testkit", inSource, allowed},
		{"internal/e2e", "github.com/nats-io/nats.go", outTest, allowed},
		{"internal/testkit", "~mano-core/trust", inSource, "know no role"},
		{"internal/testkit/openapi", "github.com/getkin/kin-openapi/openapi3", inSource, allowed},
		{"internal/e2e", "github.com/getkin/kin-openapi/openapi3", outTest, "OpenAPI is for internal/testkit only"},
		{"internal/e2e/interop/tnb", "github.com/aws/aws-sdk-go/service/tnb", inTest, allowed},
		{"internal/e2e", "github.com/aws/aws-sdk-go/service/tnb", outTest, "AWS SDK is for"},
		{"internal/httpapi", "github.com/getkin/kin-openapi/openapi3", inTest, "OpenAPI is for internal/testkit only"},
		{"internal/trace/cmd", "~internal/trace", inSource, allowed},
		{"internal/trace", "~internal/hub", inSource, "stands alone"},
		{"examples/house", "~internal/httpapi", inSource, allowed},
		{"examples/house", "~mano-core/trust", inSource, "outside client"},

		{"internal/util", "strings", inSource, "no room of the plan"},
		{"mano-core", "strings", inSource, "no room of the plan"},
		{"connectors/natsbus", "~internal/util", inSource, "no room of the plan"},
		{"internal/hubris", "strings", inSource, "no room of the plan"},
		{"smgr/decide", "github.com/sirupsen/logrus", inSource, "behind no fence"},
		{"attestation/tpm", "github.com/google/go-tpm-tools/client", inSource, "behind no fence"},
	}
	for _, tt := range tests {
		imp := strings.Replace(tt.imp, "~", module+"/", 1)
		why := refuse(module+"/"+tt.importer, imp, tt.at)
		if (why == "") != (tt.why == allowed) || !strings.Contains(why, tt.why) {
			t.Errorf("%s importing %s at %d: %q, want %q", tt.importer, tt.imp, tt.at, why, tt.why)
		}
	}
}
