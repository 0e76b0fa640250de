package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Renewal is when a certificate is renewed: Before its end, or when Share of its
// lifetime is left. One of the two is zero.
type Renewal struct {
	Share  float64 // of the lifetime, between 0 and 1
	Before time.Duration
}

// Lead returns how long before its end a certificate with the given lifetime is
// renewed.
func (r Renewal) Lead(lifetime time.Duration) time.Duration {
	if r.Share > 0 {
		return time.Duration(r.Share * float64(lifetime))
	}
	return r.Before
}

// String returns the renewal as it is written in a configuration.
func (r Renewal) String() string {
	if r.Share > 0 {
		return strconv.FormatFloat(r.Share, 'g', -1, 64)
	}
	return short(r.Before)
}

// short writes a duration without the units that are zero: 720h, not 720h0m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// key is one setting: a leaf of [Config], or a list of structs.
type key struct {
	path  string        // "listen.scOr"
	env   string        // "MANOWARD_LISTEN_SC_OR"; empty: only a file can hold it
	owner reflect.Type  // the struct that has the field
	field string        // its name there
	value reflect.Value // the field itself, to be set
}

// keys lists the settings of c in the order of the struct.
func (c *Config) keys() []key { return keysOf("", reflect.ValueOf(c).Elem()) }

func keysOf(prefix string, s reflect.Value) []key {
	var list []key
	for i := range s.NumField() {
		field, value := s.Type().Field(i), s.Field(i)
		name := field.Tag.Get("yaml")
		if name == "" {
			continue
		}
		path := prefix + name
		if isSection(value) {
			list = append(list, keysOf(path+".", value)...)
			continue
		}
		k := key{path: path, owner: s.Type(), field: field.Name, value: value}
		if !isEntries(value) {
			k.env = envName(path)
		}
		list = append(list, k)
	}
	return list
}

// isSection reports whether the value holds further keys.
func isSection(v reflect.Value) bool {
	_, leaf := v.Interface().(Renewal)
	return v.Kind() == reflect.Struct && !leaf
}

// isEntries reports whether the value is a list whose entries have keys.
func isEntries(v reflect.Value) bool {
	return v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct
}

// envName returns the name of the variable for a path: words begin at dots and
// at capital letters.
func envName(path string) string {
	var b strings.Builder
	b.WriteString(envPrefix)
	for _, r := range path {
		switch {
		case r == '.':
			b.WriteByte('_')
			continue
		case unicode.IsUpper(r):
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

// expected says what a value must look like.
func expected(v reflect.Value) string {
	switch v.Interface().(type) {
	case bool:
		return "true or false"
	case int:
		return "a whole number"
	case time.Duration:
		return "a duration like 30s, 15m or 720h"
	case slog.Level:
		return "debug, info, warn or error"
	case Renewal:
		return "a share of the lifetime between 0 and 1, like 0.33, or a duration like 24h"
	case []string:
		return "a list of texts"
	case []Token:
		return "a list of tokens"
	case []SecurityManager:
		return "a list of Security Managers"
	case []CertificateProfile:
		return "a list of certificate profiles"
	case []CertificateDomain:
		return "a list of trust domains"
	}
	return "text"
}

// parse sets v to what text says.
func parse(v reflect.Value, text string) error {
	bad := fmt.Errorf("%q is not %s", clip(text), expected(v))
	switch p := v.Addr().Interface().(type) {
	case *string:
		if err := printable(text); err != nil {
			return err
		}
		*p = text
	case *bool:
		if text != "true" && text != "false" {
			return bad
		}
		*p = text == "true"
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return bad
		}
		*p = n
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return bad
		}
		*p = d
	case *slog.Level:
		level, ok := levels[text]
		if !ok {
			return bad
		}
		*p = level
	case *Renewal:
		r, ok := parseRenewal(text)
		if !ok {
			return bad
		}
		*p = r
	case *[]string:
		if err := printable(text); err != nil {
			return err
		}
		*p = nil
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				*p = append(*p, part)
			}
		}
	default:
		return fmt.Errorf("a %s cannot be written here", v.Type())
	}
	return nil
}

func printable(text string) error {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return errors.New("only printable text is allowed, without line breaks")
	}
	return nil
}

var levels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

func parseRenewal(text string) (Renewal, bool) {
	if share, err := strconv.ParseFloat(text, 64); err == nil {
		return Renewal{Share: share}, share > 0 && share < 1 && !math.IsNaN(share)
	}
	d, err := time.ParseDuration(text)
	return Renewal{Before: d}, err == nil && d > 0
}

// clip keeps long values out of messages.
func clip(s string) string {
	const most = 60
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
