package stepca

// Template is what the provisioner of a remote step-ca makes certificates from: the
// order that the token brings, and nothing of the CSR but its key. A token without
// an order is refused, and no order makes a CA certificate.
const Template = `{{ if not .Token.manoward }}{{ fail "this provisioner is for manoward" }}{{ end }}{
  "rawSubject": {{ toJson .Token.manoward.rawSubject }},
  "dnsNames": {{ toJson .Token.manoward.dnsNames }},
  "ipAddresses": {{ toJson .Token.manoward.ipAddresses }},
  "uris": {{ toJson .Token.manoward.uris }},
  "keyUsage": {{ toJson .Token.manoward.keyUsage }},
  "extKeyUsage": {{ toJson .Token.manoward.extKeyUsage }},
  "policyIdentifiers": {{ toJson .Token.manoward.policyIdentifiers }},
  "crlDistributionPoints": {{ toJson .Token.manoward.crlDistributionPoints }},
  "issuingCertificateURL": {{ toJson .Token.manoward.issuingCertificateURL }},
  "basicConstraints": {"isCA": false}
}`
