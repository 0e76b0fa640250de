// Package fence holds the house plan (docs/architecture.md) with tests: who may
// import whom, which room alone touches which library, that no exported name
// shows such a library's types, that every package says what it is for, that no
// file outgrows its reader, and that docs/dependencies.md is complete.
//
// It holds tests only. When one fails it prints the rule's reason; mend the
// import, or change the plan, the tables here and an ADR together.
package fence
