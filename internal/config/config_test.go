package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

var update = flag.Bool("update", false, "write the golden files anew")

const dashes = "----------\n"

// golden compares got with the part of the file after the dashes, or all of it.
func golden(t *testing.T, path, input, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(input+got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != input+got {
		t.Errorf("%s: got\n%s\nwant what is in the file; run the test with -update and look at the difference", path, got)
	}
}

// load reads the file with the given content. Lines "#env NAME=value" and "#flag
// path=value" in it are further sources.
func load(t testing.TB, content string) (*Config, error) {
	t.Helper()
	src := Sources{File: filepath.Join(t.TempDir(), "manoward.yaml"), Flags: make(map[string]string)}
	for line := range strings.Lines(content) {
		line = strings.TrimSuffix(line, "\n")
		if entry, ok := strings.CutPrefix(line, "#env "); ok {
			src.Env = append(src.Env, entry)
		}
		if entry, ok := strings.CutPrefix(line, "#flag "); ok {
			path, value, _ := strings.Cut(entry, "=")
			src.Flags[path] = value
		}
	}
	if err := os.WriteFile(src.File, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(src)
}

func show(t testing.TB, c *Config, format string) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Show(&b, format); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestLoad runs testdata/load: what is read, ten dashes, and the configuration
// that comes of it or all that is wrong with it.
func TestLoad(t *testing.T) {
	paths, err := filepath.Glob("testdata/load/*.golden")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".golden"), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			input, _, ok := strings.Cut(string(data), dashes)
			if !ok {
				t.Fatal("the file has no line of ten dashes")
			}
			got := ""
			cfg, err := load(t, input)
			if err == nil {
				got = show(t, cfg, "yaml")
			} else {
				if hub.CodeOf(err) != hub.Invalid {
					t.Errorf("error %v is not invalid", err)
				}
				got = hub.SafeText(err) + "\n"
			}
			if strings.Contains(got, "hunter2") || strings.Contains(got, "123456") {
				t.Errorf("a secret is shown:\n%s", got)
			}
			golden(t, path, input+dashes, got)
		})
	}
}

func TestLoad_NothingGiven(t *testing.T) {
	cfg, err := Load(Sources{})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(cfg, Default()) {
		t.Errorf("got %+v, want the default", cfg)
	}
}

func TestLoad_File(t *testing.T) {
	dir := t.TempDir()
	long := filepath.Join(dir, "long.yaml")
	if err := os.WriteFile(long, bytes.Repeat([]byte("#\n"), maxFile), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ path, text string }{
		"missing":   {filepath.Join(dir, "no.yaml"), "cannot be read"},
		"directory": {dir, "is not a file"},
		"too long":  {long, "at most"},
	} {
		_, err := Load(Sources{File: c.path})
		if hub.CodeOf(err) != hub.Invalid || !strings.Contains(hub.SafeText(err), c.text) {
			t.Errorf("%s: %v, want an invalid error that says %q", name, err, c.text)
		}
	}
}

// TestLoad_AliasBomb gives a small file that would grow to gigabytes.
func TestLoad_AliasBomb(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		prev := string(c - 1)
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+prev+",", 9) + "]\n"
	}
	if _, err := load(t, bomb+"nats: {urls: *j}\n"); !strings.Contains(hub.SafeText(err), "nats.urls is an alias") {
		t.Errorf("got %v", err)
	}
}

func TestShow(t *testing.T) {
	for _, name := range []string{"every-key", "precedence"} {
		data, err := os.ReadFile("testdata/load/" + name + ".golden")
		if err != nil {
			t.Fatal(err)
		}
		input, _, _ := strings.Cut(string(data), dashes)
		cfg, err := load(t, input)
		if err != nil {
			t.Fatal(err)
		}
		got := show(t, cfg, "json")
		if !json.Valid([]byte(got)) {
			t.Errorf("%s: not JSON", name)
		}
		golden(t, "testdata/show-"+name+".golden.json", "", got)
	}
	if err := Default().Show(&bytes.Buffer{}, "toml"); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("Show as TOML: %v", err)
	}
	for _, format := range []string{"yaml", "json"} {
		if err := Default().Show(fullDisk{}, format); err == nil {
			t.Errorf("Show as %s to a full disk succeeded", format)
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestOrigin(t *testing.T) {
	cfg, err := load(t, "#env MANOWARD_LOG_LEVEL=debug\n#flag log.format=json\ndataDir: x\n")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"log.level": "MANOWARD_LOG_LEVEL", "log.format": "command line", "dataDir": "manoward.yaml:3", "listen.host": "default",
	} {
		if got := cfg.Origin(path); got != want {
			t.Errorf("Origin(%s) = %q, want %q", path, got, want)
		}
	}
}

// TestKeys keeps the manual complete: it is what docs are made of.
func TestKeys(t *testing.T) {
	keys, err := Keys()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	envs := make(map[string]string)
	for _, k := range keys {
		if len(k.Doc) < 10 || !strings.HasSuffix(k.Doc, ".") {
			t.Errorf("%s has no sentence of documentation: %q", k.Path, k.Doc)
		}
		if other, twice := envs[k.Env]; twice && k.Env != "" {
			t.Errorf("%s and %s have one variable %s", k.Path, other, k.Env)
		}
		envs[k.Env] = k.Path
		b.WriteString(strings.Join([]string{k.Path, k.Env, k.Type, k.Default, k.Doc}, " | ") + "\n")
	}
	golden(t, "testdata/keys.golden", "", b.String())
}

func TestFieldDocs_NoGo(t *testing.T) {
	if _, err := fieldDocs("this is not Go"); err == nil {
		t.Error("comments were read from what is not Go")
	}
}

func TestRenewal(t *testing.T) {
	for _, c := range []struct {
		r        Renewal
		lifetime time.Duration
		want     time.Duration
	}{
		{Renewal{Share: 0.25}, 8 * time.Hour, 2 * time.Hour},
		{Renewal{Before: time.Hour}, 8 * time.Hour, time.Hour},
	} {
		if got := c.r.Lead(c.lifetime); got != c.want {
			t.Errorf("%s of %s is %s, want %s", c.r, c.lifetime, got, c.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"scor", "scor", 0},
		{"sc0r", "scor", 1}, {"socr", "scor", 1}, {"scorr", "scor", 1}, {"kitten", "sitting", 3},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
	if hint := didYouMean(strings.Repeat("x", 1000), []string{"x"}); hint != "" {
		t.Errorf("hint for a very long word: %q", hint)
	}
}

func TestParse_UnknownType(t *testing.T) {
	var f float32
	if err := parse(reflect.ValueOf(&f).Elem(), "1"); err == nil {
		t.Error("a type without a spelling was parsed")
	}
}

// FuzzLoad proves that no file makes the loader panic, and that what it accepts
// is the same when it is shown and read again.
func FuzzLoad(f *testing.F) {
	paths, err := filepath.Glob("testdata/load/*.golden")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		input, _, _ := strings.Cut(string(data), dashes)
		f.Add([]byte(input))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := loadBytes(data)
		if err != nil {
			if hub.CodeOf(err) != hub.Invalid {
				t.Fatalf("error %v is not invalid", err)
			}
			return
		}
		shown := show(t, cfg, "yaml")
		again, err := loadBytes([]byte(shown))
		if err != nil {
			t.Fatalf("what is shown is not accepted: %v\n%s", err, shown)
		}
		cfg.origins, again.origins = nil, nil
		if !reflect.DeepEqual(cfg, again) {
			t.Fatalf("%+v became %+v by\n%s", cfg, again, shown)
		}
	})
}

// loadBytes is [Load] of a file with this content, without the file.
func loadBytes(data []byte) (*Config, error) {
	l := newLoader()
	l.file("manoward.yaml", data)
	l.check()
	return l.cfg, l.err()
}

func TestLevels(t *testing.T) {
	for text, want := range map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError} {
		cfg, err := Load(Sources{Flags: map[string]string{"log.level": text}})
		if err != nil || cfg.Log.Level != want {
			t.Errorf("%s: %v, %v", text, cfg, err)
		}
	}
}
