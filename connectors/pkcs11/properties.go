package pkcs11

// Properties is what a token says of itself and of one of its keys. A claim about the
// key is nil when the token does not make it.
type Properties struct {
	Manufacturer, Model, Serial, Hardware, Firmware string // of the token (CK_TOKEN_INFO)

	Extractable      *bool // CKA_EXTRACTABLE
	Sensitive        *bool // CKA_SENSITIVE
	NeverExtractable *bool // CKA_NEVER_EXTRACTABLE
	Local            *bool // CKA_LOCAL: made in the token
	Sign             *bool // CKA_SIGN
}
