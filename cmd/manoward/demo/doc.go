// Package demo shows what manoward is for, on a hub that it starts: the scenarios of
// package examples, step by step, with a timeline of what happened, which policy and
// order it led to, and what proves it.
//
// It is an outside client. The hub is a process of its own, of the same program; every
// step is a verb of the command line that a person could type, and what it led to is
// read back from whoever it was done at.
//
// To add a scenario, add a folder to package examples and a [Scenario] to [Scenarios].
// Its Prepare says what the hub has to be configured with, before it starts; its steps
// then use a [Stage]:
//
//   - [Stage.Do] runs a verb and shows it, [Stage.Get] reads JSON and shows nothing,
//     [Stage.Refused] wants a refusal, [Stage.Until] waits for what others bring about;
//   - [Stage.Say] tells what happened, [Stage.Proof] names what proves it, with the verb
//     that shows it.
//
// A step that returns nil has checked its effect. Scenarios share the hub, so each has
// trust domains, names and hosts of its own. What steps hand to one another is in a
// struct of the scenario whose methods they are.
package demo
