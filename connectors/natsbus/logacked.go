package natsbus

// Acknowledged returns an error while the log may show what was never acknowledged:
// an embedded server whose disk refused a message shows that one from memory until
// it is restarted, and does not have it then. Whoever shows others what the log
// holds, so that they rely on it, asks after reading.
func (l *Log) Acknowledged() error {
	if l.a.store == nil { // a quorum of a cluster has what it shows
		return nil
	}
	return l.a.store.look(l.stream.CachedInfo().Config.Name)
}
