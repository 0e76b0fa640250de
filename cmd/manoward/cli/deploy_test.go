package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/manoward/manoward/internal/config"
)

// What examples/deploy shows is run here as far as the program's own command line
// goes: verbs, flags, roles and every key of the configurations are real.

const deployDir = "../../../examples/deploy"

// started is what a command line of an example would start.
type started struct {
	cfg   *config.Config
	roles []string
}

// startedBy runs a command line with a configuration file in the place of the one
// that it names.
func startedBy(t *testing.T, line []string, configFile string, environ ...string) started {
	t.Helper()
	if len(line) == 0 || line[0] != "/usr/bin/manoward" {
		t.Fatalf("%q does not run /usr/bin/manoward", line)
	}
	var got started
	serve := func(_ context.Context, cfg *config.Config, roles []string, _ Env, _ func(Ready)) error {
		got = started{cfg, roles}
		return nil
	}
	args := slices.Clone(line[1:])
	for i, a := range args {
		if i > 0 && args[i-1] == "--config" {
			if !strings.HasPrefix(a, "/etc/manoward/") {
				t.Errorf("--config %s is not below /etc/manoward", a)
			}
			args[i] = configFile
		}
	}
	var errs bytes.Buffer
	if code := Run(t.Context(), Parts{Serve: serve}, Env{Program: "manoward", Stdout: io.Discard, Stderr: &errs, Environ: environ}, args); code != 0 || got.cfg == nil {
		t.Fatalf("%q: exit code %d, %s", line, code, errs.String())
	}
	return got
}

// wellPlaced refuses what an example must not leave open.
func (s started) wellPlaced(t *testing.T, dataBelow string) {
	t.Helper()
	c := s.cfg
	if !strings.HasPrefix(c.DataDir, dataBelow+"/") {
		t.Errorf("dataDir %s is not below %s, which is there and writable", c.DataDir, dataBelow)
	}
	if c.Keys.UnlockFile == "" || strings.HasPrefix(c.Keys.UnlockFile, c.DataDir) {
		t.Errorf("the unlock key %q lies with the data", c.Keys.UnlockFile)
	}
	if c.Log.Format != "json" || c.Listen.Probes == "" || c.NATS.AcceptUnknownDurability || c.NATS.AcceptDamage {
		t.Errorf("not as a hub in earnest: %+v", c)
	}
}

// unit reads a systemd unit: section.key to the values, in order.
func unit(t *testing.T, name string) map[string][]string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(deployDir, "systemd", name))
	if err != nil {
		t.Fatal(err)
	}
	u, section := map[string][]string{}, ""
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		key, value, ok := strings.Cut(line, "=")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			section = strings.Trim(line, "[]")
		case !ok:
			t.Fatalf("%s: %q is no setting", name, line)
		default:
			u[section+"."+key] = append(u[section+"."+key], value)
		}
	}
	return u
}

// hardening is what both units say, besides what is checked below.
var hardening = map[string]string{
	"NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes", "PrivateDevices": "yes",
	"CapabilityBoundingSet": "", "User": "manoward", "UMask": "0077", "StateDirectoryMode": "0700", "Restart": "on-failure",
	"LimitNOFILE": "65536", "LimitCORE": "0", "MemoryDenyWriteExecute": "yes", "RestartPreventExitStatus": "2 3",
}

func TestDeploy_Systemd(t *testing.T) {
	check := func(t *testing.T, name, role, configFile, state string) {
		u := unit(t, name)
		fill := func(key string) string {
			values := u[key]
			if len(values) != 1 {
				t.Fatalf("%s: %s is there %d times", name, key, len(values))
			}
			return strings.ReplaceAll(values[0], "%i", role)
		}
		for key, want := range hardening {
			if got := fill("Service." + key); got != want {
				t.Errorf("%s: %s is %q, want %q", name, key, got, want)
			}
		}
		if u["Service.WatchdogSec"] != nil || fill("Service.Type") != "exec" {
			t.Errorf("%s: the program tells systemd neither that it is ready nor that it lives", name)
		}
		if fill("Service.StateDirectory") != state {
			t.Errorf("%s: the state directory is not %s", name, state)
		}
		s := startedBy(t, strings.Fields(fill("Service.ExecStart")), configFile, u["Service.Environment"]...)
		s.wellPlaced(t, "/var/lib/"+state)
		if (role == "") != (len(s.roles) == 0) || role != "" && !slices.Equal(s.roles, []string{role}) {
			t.Errorf("%s starts the roles %q", name, s.roles)
		}
		if (role != "") != (len(s.cfg.NATS.URLs) == 3) {
			t.Errorf("%s: the bus is %q", name, s.cfg.NATS.URLs)
		}
		stop, _ := strconv.Atoi(strings.TrimSuffix(fill("Service.TimeoutStopSec"), "s"))
		if float64(stop) < 2*s.cfg.ShutdownTimeout.Seconds() {
			t.Errorf("%s is killed %d s after it is asked to stop, and may take %s", name, stop, s.cfg.ShutdownTimeout)
		}
	}
	t.Run("all roles", func(t *testing.T) {
		check(t, "manoward.service", "", filepath.Join(deployDir, "systemd/manoward.yaml"), "manoward")
	})
	wants := strings.Fields(strings.Join(unit(t, "manoward.target")["Unit.Wants"], " "))
	probes := map[string]string{}
	for _, role := range Roles() {
		file := filepath.Join(deployDir, "systemd", role+".yaml")
		t.Run(role, func(t *testing.T) { check(t, "manoward@.service", role, file, "manoward/"+role) })
		if !slices.Contains(wants, "manoward@"+role+".service") {
			t.Errorf("manoward.target does not want %s", role)
		}
		cfg, err := config.Load(config.Sources{File: file})
		if err != nil {
			t.Fatal(err)
		}
		if other := probes[cfg.Listen.Probes]; other != "" {
			t.Errorf("%s and %s have their probes at one address", role, other)
		}
		probes[cfg.Listen.Probes] = role
	}
	if len(wants) != len(Roles()) {
		t.Errorf("manoward.target wants %q", wants)
	}
}

// systemd itself finds nothing wrong with the units, with a program that is there in
// the place of ours.
func TestDeploy_SystemdVerify(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Fatal("systemd-analyze is not installed, and it checks the units; install the package systemd, or run: make deps")
	}
	dir := t.TempDir()
	line := []string{"verify"}
	for _, name := range []string{"manoward.service", "manoward@.service", "manoward.target"} {
		raw, err := os.ReadFile(filepath.Join(deployDir, "systemd", name))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(raw), "ExecStart=/usr/bin/manoward", "ExecStart=/bin/true")
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		line = append(line, filepath.Join(dir, strings.Replace(name, "@.", "@trust.", 1)))
	}
	// systemd 252 says of a template that it checks as an instance what it says of itself.
	if out, err := exec.Command(analyze, line...).CombinedOutput(); err != nil || strings.Contains(string(out), dir) {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

// object is a Kubernetes object, as far as it is looked at.
type object struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct {
		Name, Namespace string
		Labels          map[string]string
	}
	Data map[string]string
	Spec struct {
		Replicas            int
		PodManagementPolicy string                `yaml:"podManagementPolicy"`
		UpdateStrategy      struct{ Type string } `yaml:"updateStrategy"`
		ServiceName         string                `yaml:"serviceName"`
		Ports               []struct {
			Name       string
			Port       int
			TargetPort string `yaml:"targetPort"`
		}
		Selector    map[string]any
		PodSelector struct {
			MatchLabels map[string]string `yaml:"matchLabels"`
		} `yaml:"podSelector"`
		Ingress []struct {
			Ports []struct{ Port int }
		}
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     pod
		}
	}
}

type pod struct {
	EnableServiceLinks *bool `yaml:"enableServiceLinks"`
	AutomountToken     *bool `yaml:"automountServiceAccountToken"`
	SecurityContext    struct {
		RunAsNonRoot        bool                  `yaml:"runAsNonRoot"`
		FSGroupChangePolicy string                `yaml:"fsGroupChangePolicy"`
		SeccompProfile      struct{ Type string } `yaml:"seccompProfile"`
	} `yaml:"securityContext"`
	InitContainers []container `yaml:"initContainers"`
	Containers     []container
	Volumes        []struct {
		Name      string
		ConfigMap struct{ Name string } `yaml:"configMap"`
	}
}

type container struct {
	Name            string
	Command         []string
	Env             []struct{ Name, Value string }
	Ports           []containerPort
	StartupProbe    probe `yaml:"startupProbe"`
	LivenessProbe   probe `yaml:"livenessProbe"`
	ReadinessProbe  probe `yaml:"readinessProbe"`
	SecurityContext struct {
		AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
		Capabilities             struct{ Drop []string }
	} `yaml:"securityContext"`
	VolumeMounts []volumeMount `yaml:"volumeMounts"`
}

type volumeMount struct {
	Name      string
	MountPath string `yaml:"mountPath"`
}

type containerPort struct {
	Name          string
	ContainerPort int `yaml:"containerPort"`
}

type probe struct{ Exec struct{ Command []string } }

// manifests reads every object that kustomization.yaml names.
func manifests(t *testing.T) map[string][]object {
	t.Helper()
	read := func(name string) []byte {
		raw, err := os.ReadFile(filepath.Join(deployDir, "kubernetes", name))
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	var list struct{ Resources []string }
	if err := yaml.Unmarshal(read("kustomization.yaml"), &list); err != nil {
		t.Fatal(err)
	}
	all := map[string][]object{}
	for _, name := range list.Resources {
		d := yaml.NewDecoder(bytes.NewReader(read(name)))
		for {
			var o object
			err := d.Decode(&o)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if o.Kind != "Namespace" && o.Metadata.Namespace != "manoward" || o.Metadata.Name == "" || o.APIVersion == "" {
				t.Errorf("%s: %s %q is in namespace %q", name, o.Kind, o.Metadata.Name, o.Metadata.Namespace)
			}
			all[o.Kind] = append(all[o.Kind], o)
		}
	}
	return all
}

func named(t *testing.T, list []object, name string) object {
	t.Helper()
	n := slices.IndexFunc(list, func(o object) bool { return o.Metadata.Name == name })
	if n < 0 {
		t.Fatalf("there is no %s", name)
	}
	return list[n]
}

func TestDeploy_Kubernetes(t *testing.T) {
	all := manifests(t)
	if len(all["Secret"]) > 0 {
		t.Error("an example holds a secret; whoever copies it has it too")
	}
	if len(all["PodDisruptionBudget"]) != 1 || len(all["StatefulSet"]) != len(Roles()) {
		t.Errorf("%d StatefulSets for %d roles, %d budgets", len(all["StatefulSet"]), len(Roles()), len(all["PodDisruptionBudget"]))
	}
	for _, role := range Roles() {
		t.Run(role, func(t *testing.T) {
			set := named(t, all["StatefulSet"], "manoward-"+role)
			spec := set.Spec.Template.Spec
			restricted(t, spec)
			c := spec.Containers[0]
			file := filepath.Join(t.TempDir(), "manoward.yaml")
			if err := os.WriteFile(file, []byte(named(t, all["ConfigMap"], "manoward-"+role).Data["manoward.yaml"]), 0o600); err != nil {
				t.Fatal(err)
			}
			var environ []string
			for _, e := range c.Env {
				environ = append(environ, e.Name+"="+e.Value)
			}
			s := startedBy(t, c.Command, file, environ...)
			s.wellPlaced(t, "/var/lib/manoward")
			if !slices.Equal(s.roles, []string{role}) || len(s.cfg.NATS.URLs) != 3 {
				t.Errorf("roles %q on %q", s.roles, s.cfg.NATS.URLs)
			}
			if set.Spec.Replicas != 2 {
				t.Errorf("%d replicas, want one that works and one more", set.Spec.Replicas)
			}
			// One that stands by is never ready, and an update would wait for it.
			if standsBy := role != "sm" && role != "cmf"; standsBy != (set.Spec.UpdateStrategy.Type == "OnDelete") || standsBy && set.Spec.PodManagementPolicy != "Parallel" {
				t.Errorf("updated %q, started %q", set.Spec.UpdateStrategy.Type, set.Spec.PodManagementPolicy)
			}
			if role == "nfvo" {
				shared := slices.ContainsFunc(c.VolumeMounts, func(m volumeMount) bool {
					return m.Name == "packages" && strings.HasPrefix(s.cfg.Packages.Dir, m.MountPath+"/")
				})
				if !shared || len(all["PersistentVolumeClaim"]) != 1 {
					t.Errorf("both processes do not have the packages in one place: %q", s.cfg.Packages.Dir)
				}
			}
			ports := listens(t, s.cfg)
			if got := containerPorts(c); !slices.Equal(got, ports) {
				t.Errorf("the container has the ports %v and listens on %v", got, ports)
			}
			serves(t, named(t, all["Service"], "manoward-"+role), c, s.cfg)
			for what, probe := range map[string][]string{"/healthz startup": c.StartupProbe.Exec.Command, "/healthz liveness": c.LivenessProbe.Exec.Command, "/readyz": c.ReadinessProbe.Exec.Command} {
				path, _, _ := strings.Cut(what, " ")
				if len(probe) == 0 || !strings.HasPrefix(probe[len(probe)-1], "http://"+s.cfg.Listen.Probes+path) {
					t.Errorf("the probe of %s is %q", what, probe)
				}
			}
			for _, port := range ports {
				if !slices.ContainsFunc(all["NetworkPolicy"], func(o object) bool { return o.lets(role, port) }) {
					t.Errorf("no NetworkPolicy lets anybody reach port %d", port)
				}
			}
		})
	}
	for _, o := range all["NetworkPolicy"] {
		for _, in := range o.Spec.Ingress {
			for _, p := range in.Ports {
				role := o.Spec.PodSelector.MatchLabels["app.kubernetes.io/component"]
				if role == "" || !slices.Contains(containerPorts(named(t, all["StatefulSet"], "manoward-"+role).Spec.Template.Spec.Containers[0]), p.Port) {
					t.Errorf("NetworkPolicy %s opens port %d, on which %q does not listen", o.Metadata.Name, p.Port, role)
				}
			}
		}
	}
}

// lets reports whether a NetworkPolicy lets somebody reach a port of a role.
func (o object) lets(role string, port int) bool {
	for _, in := range o.Spec.Ingress {
		for _, p := range in.Ports {
			if p.Port == port && o.Spec.PodSelector.MatchLabels["app.kubernetes.io/component"] == role {
				return true
			}
		}
	}
	return false
}

// restricted holds a pod against the profile restricted of Kubernetes, and against
// what this program needs.
func restricted(t *testing.T, p pod) {
	t.Helper()
	if p.EnableServiceLinks == nil || *p.EnableServiceLinks {
		t.Error("with service links there are variables like MANOWARD_TRUST_PORT, which the hub refuses")
	}
	if c := p.SecurityContext; !c.RunAsNonRoot || c.SeccompProfile.Type != "RuntimeDefault" || p.AutomountToken == nil || *p.AutomountToken {
		t.Errorf("the pod is not restricted: %+v", c)
	}
	if p.SecurityContext.FSGroupChangePolicy != "OnRootMismatch" {
		t.Error("at each start the group would be given rights to keys, which the hub then refuses")
	}
	if len(p.Containers) != 1 || len(p.InitContainers) != 1 {
		t.Fatalf("%d containers, %d before them", len(p.Containers), len(p.InitContainers))
	}
	volumes := map[string]bool{"data": true}
	for _, v := range p.Volumes {
		volumes[v.Name] = true
	}
	for _, c := range slices.Concat(p.Containers, p.InitContainers) {
		s := c.SecurityContext
		if s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || !s.ReadOnlyRootFilesystem || !slices.Equal(s.Capabilities.Drop, []string{"ALL"}) {
			t.Errorf("container %s is not restricted: %+v", c.Name, s)
		}
		for _, m := range c.VolumeMounts {
			if !volumes[m.Name] {
				t.Errorf("container %s mounts %s, which is no volume", c.Name, m.Name)
			}
		}
	}
}

var portOf = regexp.MustCompile(`:(\d+)$`)

// listens returns the ports that others reach, in order. One that is not set would
// be any free port.
func listens(t *testing.T, c *config.Config) (ports []int) {
	t.Helper()
	l := c.Listen
	addresses := []string{l.Admin, l.OsMa, l.OrVnfm, l.VNFM, l.VIM, l.ScOr, l.ScVi, l.CmVnfm, l.CmfStatus}
	for _, sm := range c.SecurityManagers {
		addresses = append(addresses, sm.ScOr, sm.ScVi)
	}
	for _, a := range addresses {
		if a == "" {
			continue
		}
		n, err := strconv.Atoi(portOf.FindStringSubmatch(a)[1])
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, n)
	}
	slices.Sort(ports)
	return ports
}

func containerPorts(c container) (ports []int) {
	for _, p := range c.Ports {
		ports = append(ports, p.ContainerPort)
	}
	slices.Sort(ports)
	return ports
}

// serves makes sure that a Service has the name that others are told, and a port for
// each of the container's.
func serves(t *testing.T, svc object, c container, cfg *config.Config) {
	t.Helper()
	if want := svc.Metadata.Name + "." + svc.Metadata.Namespace + ".svc"; cfg.Listen.Advertise != want {
		t.Errorf("others are told %s, and the Service is %s", cfg.Listen.Advertise, want)
	}
	if len(svc.Spec.Ports) != len(c.Ports) {
		t.Errorf("the Service has %d ports, the container %d", len(svc.Spec.Ports), len(c.Ports))
	}
	for _, p := range svc.Spec.Ports {
		if !slices.ContainsFunc(c.Ports, func(q containerPort) bool { return q.Name == p.TargetPort && q.ContainerPort == p.Port }) {
			t.Errorf("port %s %d of the Service is no port of the container", p.Name, p.Port)
		}
	}
}
