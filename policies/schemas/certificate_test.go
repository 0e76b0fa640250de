package schemas

// certificateRequest is the input of the CMF's policies: of what is asked for, of
// what was found out about the key, and of what was issued before.
func certificateRequest() kind {
	level := func(about string) node { return oneOf(about, "none", "bound", "protected", "genuine") }
	certType := oneOf("type of the certificate", "MANO_CERT", "VNFCI_CERT", "VNFOAM_CERT")
	reasons := func(about string) node {
		return list(about, object("a check", need("code", id("its name (docs/attestation)")), may("detail", text("what was found"))))
	}
	event := object("the request", need("id", id("certificateRequestId")), need("certType", certType),
		need("subjectId", id("FQDN of a MANO entity, or identifier of a VNFC instance")), need("manager", id("identity of the consumer that asks")),
		need("registrationId", id("the registration that it is under")), may("vnfInstanceId", text("VNF instance of the VNFC")), may("vnfdId", text("its descriptor")),
		may("certificateDescId", text("certificate descriptor of the VNFD")), may("renews", text("the certificate that it is to take the place of")),
		need("key", ref("requestedKey")))
	return kind{about: "the CMF is asked to sign a certificate", event: event, alone: true, members: []property{
		need("trustDomain", id("whose certificate authority is to sign")),
		need("subject", object("what the event is about", need("certificateRequestId", id("the request")), may("vnfInstanceId", id("VNF instance")))),
		need("attested", boolean("the key is attested: the verdict is good, and no policy wanted it to count for less")),
		need("assurance", level("what is proven of the key; none where it is not attested")),
		may("downgradedBy", list("the policies that asked for downgrade-attestation, when it is judged for the second time", id("policy"))),
		may("verdict", object("the verdict on the attestation; absent: the request had none",
			need("accepted", boolean("all checks held")), may("format", text("name of the format")), may("statement", text("OID of the format")),
			may("attester", text("id of the registered attester")), may("shape", text("encoding of the bundle")), need("assurance", level("what it proves")),
			may("claims", list("what the statement says; of a verdict that is not accepted, nobody vouches for it",
				object("a claim", need("name", id("name, as the page of the format has it")), need("value", text("value"))))),
			may("reasons", reasons("the checks that failed")), may("lacks", reasons("why the assurance is not higher")))),
		may("attester", object("the attester that the verdict is about",
			need("id", id("attester")), may("name", text("for people")), may("statement", text("OID of its statements")),
			need("known", list("what it was registered by", oneOf("public-key, certificate-chain, roots", "public-key", "certificate-chain", "roots"))),
			may("registeredBy", text("identity")), may("registered", moment("since when")), may("activated", moment("when credential activation proved its key")),
			may("withdrawn", moment("from then on it attests nothing")))),
		need("profile", object("what the trust domain's certificate profile asks for",
			need("minimumAssurance", level("the least")), need("nonceRequired", boolean("statements need a nonce")),
			may("maxValiditySeconds", whole("how long a certificate is good")))),
		need("issued", list("certificates of this subject and type by the hour in which they begin, of the last 24 hours, oldest first; hours without one are left out",
			object("an hour", need("hour", moment("its beginning")), need("certificates", whole("how many"))))),
		need("earlier", node{"type": "array", "items": ref("earlierCertificate"), "maxItems": 17,
			"description": "the newest of these certificates, up to 16, and the one that is to be renewed, newest last"}),
	}, parts: map[string]node{
		"requestedKey": object("the key that a certificate is asked for",
			need("algorithm", oneOf("type of the key", "RSA", "ECDSA", "ED25519")), need("bits", whole("size of modulus or field")), need("hash", id("SHA-256 of the SubjectPublicKeyInfo, hexadecimal")),
			need("otherCertificates", whole("certificates that other subjects have or had for this key")),
			need("otherSubjects", node{"type": "array", "items": id("subjectId"), "maxItems": 8, "description": "some of these subjects"})),
		"earlierCertificate": object("a certificate of this subject",
			need("id", id("certificate")), need("serialNumber", text("hexadecimal")), need("keyHash", text("SHA-256 of the public key, hexadecimal")), need("assurance", text("at which it was issued")),
			may("attesterId", text("who attested its key")), need("notBefore", moment("its beginning")), need("notAfter", moment("its end")),
			may("renews", text("the certificate that it took the place of")), may("revoked", moment("when it was revoked")), may("revocationReason", whole("CRLReason of RFC 5280 clause 5.3.1"))),
	}}
}
