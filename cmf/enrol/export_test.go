package enrol

// Crowd has the service believe that many other requests are being checked.
func (s *Service) Crowd() { s.checking.Add(int64(s.processors)) }
