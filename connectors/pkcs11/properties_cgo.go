//go:build cgo

package pkcs11

import (
	"context"
	"errors"
	"fmt"

	"github.com/ThalesGroup/crypto11"
	raw "github.com/miekg/pkcs11"
)

// Properties returns what the token says of itself and of the key with the label. The
// errors are those of [Token.Signer], but a key that could leave the token is none.
func (t *Token) Properties(ctx context.Context, label string) (Properties, error) {
	const op = "read properties of key"
	var p Properties
	err := t.use(ctx, op, func() error {
		key, err := t.find(op, label)
		if err != nil {
			return err
		}
		info, err := t.module.lib.GetTokenInfo(t.slot)
		if err != nil {
			return err
		}
		p = Properties{
			Manufacturer: info.ManufacturerID, Model: info.Model, Serial: info.SerialNumber,
			Hardware: version(info.HardwareVersion), Firmware: version(info.FirmwareVersion),
		}
		for _, c := range []struct {
			attribute crypto11.AttributeType
			to        **bool
		}{
			{crypto11.CkaExtractable, &p.Extractable}, {crypto11.CkaSensitive, &p.Sensitive},
			{crypto11.CkaNeverExtractable, &p.NeverExtractable}, {crypto11.CkaLocal, &p.Local}, {crypto11.CkaSign, &p.Sign},
		} {
			if *c.to, err = t.claim(key, c.attribute); err != nil {
				return err
			}
		}
		return nil
	})
	return p, err
}

// claim reads an attribute that is true or false, or nil when the token has it not.
func (t *Token) claim(key crypto11.Signer, attribute crypto11.AttributeType) (*bool, error) {
	value, err := t.conn.GetAttribute(key, attribute)
	var code raw.Error
	if errors.As(err, &code) && code == raw.CKR_ATTRIBUTE_TYPE_INVALID {
		return nil, nil
	}
	if err != nil || value == nil || len(value.Value) != 1 {
		return nil, err
	}
	claim := value.Value[0] != 0
	return &claim, nil
}

func version(v raw.Version) string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }
