package main

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// measurement is one benchmark, and what of what it prints is shown.
type measurement struct {
	pkg, bench string
	shows      []shown
	times      int // how often, of one that is too short to be done once; 0: once
}

// shown is one number of a benchmark.
type shown struct {
	unit string  // as the benchmark reports it
	what string  // in words
	most float64 // what it is to be at most; 0: nothing was set
}

// measurements are those of what all roles stand on, of the NFVO, of the Security
// Manager, of certificate authorities and of the CMF. What they are is in
// docs/benchmarks.md.
var measurements = []measurement{
	{pkg: "./connectors/natsbus", bench: "Append", shows: []shown{
		{"grouped/single", "append of 64 writers who share syncs, of one with a sync of its own", 0.1},
		{"grouped/s", "appends of 64 writers who share syncs, per second", 0},
	}},
	{pkg: "./internal/e2e", bench: "Handshake", times: 500, shows: []shown{
		{"x", "mTLS connection and its authorised request, of a bare net/http server", 0},
		{"hub-µs/op", "mTLS connection and its authorised request, µs", 0},
	}},
	{pkg: "./internal/e2e", bench: "Request", times: 5000, shows: []shown{
		{"x", "authorised request on a connection, of a bare net/http server", 0},
		{"hub-µs/op", "authorised request on a connection, µs", 0},
	}},
	{pkg: "./mano-core/nfvo", bench: "Scale", times: 5, shows: []shown{
		{"query-by-id-x", "Query NS by its id among 10,000 NSs with 50,000 VNFs, of 100", 1.5},
		{"query-by-filter-x", "the same, by a filter", 1.5},
		{"update-x", "Update NS, of 100", 1.5},
	}},
	{pkg: "./policies", bench: "Decision/ratio", shows: []shown{
		{"ours/bare", "decision in process, of a bare prepared evaluation", 1.2},
		{"ns/decision", "decision in process, ns", 0},
	}},
	{pkg: "./policies", bench: "Installed", shows: []shown{{"1000/10", "1,000 policies installed and 10 subscribed, of 10 installed", 3}}},
	{pkg: "./policies", bench: "Publish", shows: []shown{
		{"s/publish", "4,000 rules published, s", 1},
		{"publish/bare", "4,000 rules published, of the engine's parsing and compiling", 0},
	}},
	{pkg: "./smgr", bench: "Inventory", shows: []shown{
		{"x", "event among 100,000 VNFs, of one among 1,000", 1.5},
		{"us-of-100000", "event among 100,000 VNFs, bus in memory, µs", 0},
	}},
	{pkg: "./internal/e2e", bench: "AgainstOPA", shows: []shown{
		{"ours/opa", "CPU of an event over HTTPS, durable and decided, of `opa run`", 1},
		{"cpu-us/event", "CPU of an event over HTTPS, durable and decided, µs", 0},
		{"opa-cpu-us/event", "CPU of a query to `opa run` over HTTPS, µs", 0},
		{"events/s", "events over HTTPS, durable and decided, per second", 0},
	}},
	{pkg: "./internal/e2e", bench: "Order", shows: []shown{
		{"ms-p50", "notification to order on the wire, p50, ms", 0},
		{"ms-p99", "notification to order on the wire, p99, ms", 0},
	}},
	{pkg: "./internal/e2e", bench: "Whole", shows: []shown{
		{"MB-at-rest", "whole hub with 10,000 VNFs, resident at rest, MB", 200},
		{"MB-most", "the same, the most at 200 events a second, MB", 200},
		{"ms-p50", "the same, notification to order on the wire, p50, ms", 0},
		{"ms-p99", "the same, notification to order on the wire, p99, ms", 50},
		{"cpu-us/event", "the same, CPU of an event with what its orders lead to, µs", 0},
		{"events/s", "the same, events decided per second", 0},
	}},
	{pkg: "./connectors/stepca", bench: "Issue", shows: []shown{
		{"badger/built-in-1", "certificates of a step-ca with badger, of the built-in authority's, 1 client", 1},
		{"badger/built-in-4", "the same, 4 clients", 1},
		{"badger/built-in-16", "the same, 16 clients", 1},
		{"built-in/s-16", "built-in authority, 16 clients, certificates per second", 0},
		{"badger/s-16", "step-ca with badger, 16 clients, certificates per second", 0},
		{"no-db/s-16", "step-ca without a database, 16 clients, certificates per second", 0},
	}},
	{pkg: "./internal/e2e", bench: "Attested", shows: []shown{
		{"step-ca/hub-1", "certificates of a step-ca with badger, of the hub's attested ones over mTLS, 1 client", 1},
		{"step-ca/hub-4", "the same, 4 clients", 1},
		{"step-ca/hub-16", "the same, 16 clients", 1},
		{"hub/s-16", "attested certificates of the hub over mTLS, 16 clients, per second", 0},
		{"step-ca/s-16", "certificates of step-ca with badger over HTTPS, 16 clients, per second", 0},
		{"hub-cpu-us-16", "CPU of an attested certificate, 16 clients, µs", 0},
		{"step-ca-cpu-us-16", "CPU of a certificate of step-ca, 16 clients, µs", 0},
		{"verify-share", "verification of request and statement, of the whole issuance, 1 client", 0.333},
	}},
	{pkg: "./internal/e2e", bench: "AttestedAmong", shows: []shown{
		{"100000/1000", "attested certificate over mTLS of a hub with 100,000, of one with 1,000", 1.25},
		{"cpu-100000/1000", "the same, processor time", 0},
		{"cpu-us-of-100000", "CPU of an attested certificate of a hub with 100,000, 4 clients, µs", 0},
	}},
	{pkg: "./cmf/enrol", bench: "Among", shows: []shown{
		{"100000/1000", "attested certificate among 100,000 in the inventory, of one among 1,000", 1.25},
		{"us-of-100000", "attested certificate among 100,000, in process, on the synced bus, µs", 0},
	}},
}

// metrics reads the numbers of a benchmark's line, by unit.
func metrics(out string) map[string]float64 {
	found := map[string]float64{}
	for lines := bufio.NewScanner(strings.NewReader(out)); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) < 2 || !strings.HasPrefix(words[0], "Benchmark") {
			continue
		}
		for i := 2; i+1 < len(words); i += 2 {
			if v, err := strconv.ParseFloat(words[i], 64); err == nil {
				found[words[i+1]] = v
			}
		}
	}
	return found
}

// missingOf names what a measurement shows and was not found.
func missingOf(m measurement, found map[string]float64) string {
	var missing []string
	for _, s := range m.shows {
		if _, ok := found[s.unit]; !ok {
			missing = append(missing, s.unit)
		}
	}
	return strings.Join(missing, ", ")
}

// rows are the lines of a measurement in the table.
func (m measurement) rows(found map[string]float64) [][]string {
	var list [][]string
	for _, s := range m.shows {
		most := ""
		if s.most > 0 {
			most = strconv.FormatFloat(s.most, 'g', -1, 64)
			if found[s.unit] > s.most {
				most += "  MISSED"
			}
		}
		list = append(list, []string{s.what, strconv.FormatFloat(found[s.unit], 'g', 4, 64), most, m.pkg + " " + m.bench})
	}
	return list
}

// printTable prints rows in columns.
func printTable(w io.Writer, rows [][]string) {
	var width [4]int
	for _, r := range rows {
		for i, cell := range r {
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	for _, r := range rows {
		line := ""
		for i, cell := range r {
			line += cell + strings.Repeat(" ", width[i]-len([]rune(cell))+2)
		}
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
}
