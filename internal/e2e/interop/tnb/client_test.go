package tnb

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/credentials"
	"github.com/aws/aws-sdk-go/aws/request"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/tnb"
)

// setting returns an environment variable that the harness has to set
// (internal/e2e, docs/interop.md).
func setting(t *testing.T, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Fatalf("%s is not set; `make interop` starts a hub and sets it", name)
	}
	return v
}

// hub is the hub under test: the SDK's client, and the same way without the SDK
// for what the SDK cannot read.
type hub struct {
	*tnb.Tnb
	url  string
	http *http.Client
}

func connect(t *testing.T) hub {
	t.Helper()
	url := strings.TrimSuffix(setting(t, "MANOWARD_OSMA_URL"), "/")
	pem, err := os.ReadFile(setting(t, "MANOWARD_CA_FILE"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatal("MANOWARD_CA_FILE has no certificate")
	}
	translator := Translator{
		Base:    &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}},
		Version: "2.3.0",
		Token:   setting(t, "MANOWARD_TOKEN"),
		Flavour: setting(t, "MANOWARD_FLAVOUR_ID"),
	}
	// What is set for the user's own AWS account shall not matter here.
	for name, value := range map[string]string{"AWS_CA_BUNDLE": "", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull} {
		t.Setenv(name, value)
	}
	client := &http.Client{Transport: translator, Timeout: 30 * time.Second}
	s, err := session.NewSession(&aws.Config{
		Endpoint:    aws.String(url),
		Region:      aws.String("none"),
		Credentials: credentials.AnonymousCredentials,
		HTTPClient:  client,
		MaxRetries:  aws.Int(0), // a retry would hide an answer
	})
	if err != nil {
		t.Fatal(err)
	}
	return hub{tnb.New(s), url, client}
}

// TestNetworkService takes an NS through its life: create, instantiate, update,
// terminate, delete; and asks for what must be refused.
func TestNetworkService(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	h := connect(t)
	const name = "interop-tnb"

	created, err := h.CreateSolNetworkInstanceWithContext(ctx, &tnb.CreateSolNetworkInstanceInput{
		NsdInfoId: aws.String(setting(t, "MANOWARD_NSD_ID")), NsName: aws.String(name), NsDescription: aws.String("made by aws-sdk-go"),
	})
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	id := aws.StringValue(created.Id)
	if id == "" || aws.StringValue(created.NsInstanceName) != name {
		t.Fatalf("created %v", created)
	}
	if !slices.Contains(h.instances(ctx, t), id) {
		t.Errorf("the new NS %s is not in the list", id)
	}
	h.wantState(ctx, t, id, tnb.NsStateNotInstantiated)

	if _, err := h.TerminateSolNetworkInstanceWithContext(ctx, &tnb.TerminateSolNetworkInstanceInput{NsInstanceId: &id}); !isException(err, tnb.ErrCodeValidationException, http.StatusConflict) {
		t.Errorf("terminate before instantiate: %v, want a conflict", err)
	}
	instantiated, err := h.InstantiateSolNetworkInstanceWithContext(ctx, &tnb.InstantiateSolNetworkInstanceInput{NsInstanceId: &id})
	if err != nil {
		t.Fatalf("instantiate: %v", err)
	}
	h.await(ctx, t, instantiated.NsLcmOpOccId, tnb.LcmOperationTypeInstantiate)
	h.wantState(ctx, t, id, tnb.NsStateInstantiated)

	h.await(ctx, t, h.modify(ctx, t, id, setting(t, "MANOWARD_VNF_PROPERTIES")), tnb.LcmOperationTypeUpdate)

	if _, err := h.DeleteSolNetworkInstanceWithContext(ctx, &tnb.DeleteSolNetworkInstanceInput{NsInstanceId: &id}); !isException(err, tnb.ErrCodeValidationException, http.StatusConflict) {
		t.Errorf("delete before terminate: %v, want a conflict", err)
	}
	terminated, err := h.TerminateSolNetworkInstanceWithContext(ctx, &tnb.TerminateSolNetworkInstanceInput{NsInstanceId: &id})
	if err != nil {
		t.Fatalf("terminate: %v", err)
	}
	h.await(ctx, t, terminated.NsLcmOpOccId, tnb.LcmOperationTypeTerminate)
	h.wantState(ctx, t, id, tnb.NsStateNotInstantiated)

	if _, err := h.DeleteSolNetworkInstanceWithContext(ctx, &tnb.DeleteSolNetworkInstanceInput{NsInstanceId: &id}); err != nil {
		t.Fatalf("delete: %v", err)
	}
	if _, err := h.GetSolNetworkInstanceWithContext(ctx, &tnb.GetSolNetworkInstanceInput{NsInstanceId: &id}); !isException(err, tnb.ErrCodeResourceNotFoundException, http.StatusNotFound) {
		t.Errorf("read after delete: %v, want not found", err)
	}
	if slices.Contains(h.instances(ctx, t), id) {
		t.Errorf("the deleted NS %s is in the list", id)
	}
}

// isException reports whether err is the SDK's error of that name, made of an
// answer with that status, and says why.
func isException(err error, code string, status int) bool {
	var e interface {
		Code() string
		StatusCode() int
		Message() string
	}
	return errors.As(err, &e) && e.Code() == code && e.StatusCode() == status && e.Message() != ""
}

func (h hub) instances(ctx context.Context, t *testing.T) []string {
	t.Helper()
	out, err := h.ListSolNetworkInstancesWithContext(ctx, &tnb.ListSolNetworkInstancesInput{})
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	var ids []string
	for _, n := range out.NetworkInstances {
		ids = append(ids, aws.StringValue(n.Id))
	}
	return ids
}

func (h hub) wantState(ctx context.Context, t *testing.T, id, want string) {
	t.Helper()
	out, err := h.GetSolNetworkInstanceWithContext(ctx, &tnb.GetSolNetworkInstanceInput{NsInstanceId: &id})
	if err != nil {
		t.Fatalf("read NS %s: %v", id, err)
	}
	if aws.StringValue(out.NsState) != want {
		t.Errorf("NS %s is %s, want %s", id, aws.StringValue(out.NsState), want)
	}
}

// await waits until an operation has ended and fails unless it completed.
func (h hub) await(ctx context.Context, t *testing.T, id *string, kind string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		out, err := h.GetSolNetworkOperationWithContext(ctx, &tnb.GetSolNetworkOperationInput{NsLcmOpOccId: id})
		if err != nil {
			t.Fatalf("read operation %s: %v", aws.StringValue(id), err)
		}
		if aws.StringValue(out.LcmOperationType) != kind {
			t.Fatalf("operation %s is %s, want %s", aws.StringValue(id), aws.StringValue(out.LcmOperationType), kind)
		}
		switch state := aws.StringValue(out.OperationState); state {
		case tnb.NsLcmOperationStateCompleted:
			return
		case tnb.NsLcmOperationStateProcessing:
		default:
			t.Fatalf("%s ended as %s: %v", kind, state, out.Error)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s has not ended: %v", kind, ctx.Err())
		}
	}
}

// modify changes configurable properties of the first VNF of the NS. The SDK
// knows the update type but not its data, which is of a kind ("document") that
// this generation of SDKs cannot express, so a handler of the SDK adds it.
func (h hub) modify(ctx context.Context, t *testing.T, id, properties string) *string {
	t.Helper()
	data := map[string]any{"vnfInstanceId": h.firstVNF(ctx, t, id), "vnfConfigurableProperties": json.RawMessage(properties)}
	req, out := h.UpdateSolNetworkInstanceRequest(&tnb.UpdateSolNetworkInstanceInput{
		NsInstanceId: &id, UpdateType: aws.String(tnb.UpdateSolNetworkTypeModifyVnfInformation),
	})
	req.SetContext(ctx)
	req.Handlers.Build.PushBack(func(r *request.Request) {
		body, err := json.Marshal(map[string]any{"updateType": tnb.UpdateSolNetworkTypeModifyVnfInformation, "modifyVnfInfoData": data})
		if err != nil {
			r.Error = err
			return
		}
		r.SetBufferBody(body)
	})
	if err := req.Send(); err != nil {
		t.Fatalf("update: %v", err)
	}
	return out.NsLcmOpOccId
}

// firstVNF reads vnfInstance of the NS, which the SDK has no member for.
func (h hub) firstVNF(ctx context.Context, t *testing.T, id string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url+"/sol/nslcm/v1/ns_instances/"+id, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := h.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var ns struct {
		VnfInstance []struct{ ID string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&ns); err != nil {
		t.Fatal(err)
	}
	if len(ns.VnfInstance) == 0 {
		t.Fatalf("NS %s has no VNF to modify", id)
	}
	return ns.VnfInstance[0].ID
}
