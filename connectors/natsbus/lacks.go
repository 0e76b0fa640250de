package natsbus

// LacksTable reports whether it is certain that the account has no table of that
// name. It is certain in an embedded store alone, which is this process's own; on
// a cluster others may make one at any time, and the answer is always false.
func (a *Account) LacksTable(name string) bool { return a.guard.lacks("KV_" + name) }

// LacksQueue is [Account.LacksTable] for a queue.
func (a *Account) LacksQueue(name string) bool { return a.guard.lacks("QUEUE_" + name) }
