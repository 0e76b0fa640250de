package natsbus

import (
	"fmt"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// NewUserKey makes the key of a user of the bus, where the user is. publicKey is
// to be certified with [Bus.UserCredentials]; credentials then writes what came
// back and the seed as a NATS credentials file.
func NewUserKey() (publicKey string, credentials func(userJWT string) ([]byte, error), err error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return "", nil, fmt.Errorf("make bus user key: %w", err)
	}
	if publicKey, err = pair.PublicKey(); err != nil {
		return "", nil, fmt.Errorf("make bus user key: %w", err)
	}
	seed, err := pair.Seed()
	if err != nil {
		return "", nil, fmt.Errorf("make bus user key: %w", err)
	}
	return publicKey, func(userJWT string) ([]byte, error) { return jwt.FormatUserConfig(userJWT, seed) }, nil
}
