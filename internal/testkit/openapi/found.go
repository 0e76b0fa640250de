package openapi

// found are errors that the README does not list. In each the file contradicts
// itself: the description of the same type or answer, or the name of its own
// attribute, says otherwise. What obeys the specification cannot pass the file as
// it is.
var found = []patch{
	// The description of the attribute permits five values, its enumeration four.
	{name: "a filter cannot name NsLcmCapacityShortageNotification", file: nsLcmDef,
		old: "            - NsChangeNotification\n      operationTypes:", new: "            - NsChangeNotification\n            - NsLcmCapacityShortageNotification\n      operationTypes:"},
	// It is the request of the operation; the enumeration is that of lcmOperationType.
	{name: "NsLcmOpOcc/operationParams is the name of an operation", file: nsLcmDef,
		old: `          query of a container resource.
        type: string
        enum:
          - INSTANTIATE
          - SCALE
          - UPDATE
          - HEAL
          - TERMINATE
      isCancelPending:
`,
		new: `          query of a container resource.
        type: object
      isCancelPending:
`},
	// The note is about changedInfo, where the rule is repeated.
	{name: "AffectedVnf requires attributes of its changedInfo", file: nsLcmDef,
		old: `      - changeResult
    anyOf:
      - required:
          - changedExtConnectivity
      - oneOf:
          - required:
              - changedVnfInfo
          - required:
              - modificationsTriggeredByVnfPkgChange
`,
		new: "      - changeResult\n"},
	// Its note: at least one of the three; not both of the last two.
	{name: "AffectedVnf/changedInfo names changedVnfInfo twice and forbids changedExtConnectivity alone", file: nsLcmDef,
		old: `        anyOf:
          - required:
              - changedVnfInfo
          - required:
              - changedVnfInfo
          - required:
              - modificationsTriggeredByVnfPkgChange
        oneOf:
          - required:
              - changedVnfInfo
          - required:
              - modificationsTriggeredByVnfPkgChange
`,
		new: `        anyOf:
          - required: [changedVnfInfo]
          - required: [changedExtConnectivity]
          - required: [modificationsTriggeredByVnfPkgChange]
        not:
          required: [changedVnfInfo, modificationsTriggeredByVnfPkgChange]
`},
	// Its attributes are creationStartedAt, and creationFinishedAt once it is. The
	// query of a list shall leave out vnfInstance and vnfcSnapshots by default.
	{name: "SOL005 VnfSnapshot requires triggeredAt and createdAt", file: nsLcmDef,
		old: "      - vnfInstanceId\n      - triggeredAt\n      - createdAt\n      - vnfdId\n      - vnfInstance\n      - vnfcSnapshots\n",
		new: "      - vnfInstanceId\n      - creationStartedAt\n      - vnfdId\n"},
	{name: "SOL005 VnfcSnapshotInfo requires triggeredAt, createdAt and vnfcInfoId", file: nsLcmDef,
		old: "      - triggeredAt\n      - createdAt\n      - vnfcInfoId\n",
		new: "      - creationStartedAt\n      - vnfcResourceInfoId\n"},
	{name: "SOL003 VnfSnapshot requires triggeredAt and vnfInfo", file: vnfLcmDef,
		old: "      - triggeredAt\n      - vnfdId\n      - vnfInfo\n      - vnfcSnapshots\n",
		new: "      - creationStartedAt\n      - vnfdId\n"},
	{name: "SOL003 VnfcSnapshotInfo requires triggeredAt and vnfcResourceId", file: vnfLcmDef,
		old: "      - triggeredAt\n      - vnfcResourceId\n",
		new: "      - creationStartedAt\n      - vnfcResourceInfoId\n"},
	// Note 2 of the type: not more than one of the two.
	{name: "VnfLcmOpOcc requires what only some operations change", file: vnfLcmDef,
		old: `    oneOf:
      - required:
          - changedInfo
      - required:
          - modificationsTriggeredByVnfPkgChange
`,
		new: `    not:
      required: [changedInfo, modificationsTriggeredByVnfPkgChange]
`},
	// Note 2 of each type is about the entries of ipAddresses.
	{name: "IpOverEthernetAddressInfo requires addresses beside ipAddresses", file: vnfLcmDef,
		old: `    oneOf:
      - required:
          - addresses
      - required:
          - addressRange
    properties:
      macAddress:
        description: >
          MAC address, if assigned. See note 1.
`,
		new: `    properties:
      macAddress:
        description: >
          MAC address, if assigned. See note 1.
`},
	{name: "IpOverEthernetAddressInfo/ipAddresses lacks that rule", file: vnfLcmDef,
		old: `dynamic IP address assignment per subnet. See note 1.
        type: array
        items:
`,
		new: `dynamic IP address assignment per subnet. See note 1.
        type: array
        items:
          oneOf:
            - required: [addresses]
            - required: [addressRange]
`},
	{name: "IpOverEthernetAddressData requires fixedAddresses beside ipAddresses", file: sol003Def,
		old: `    oneOf:
      - required:
          - fixedAddresses
      - required:
          - numDynamicAddresses
      - required:
          - ipAddressRange
`},
	{name: "IpOverEthernetAddressData/ipAddresses lacks that rule", file: sol003Def,
		old: `          If this attribute is not present, no IP address shall be assigned. See note 1.
        type: array
        items:
`,
		new: `          If this attribute is not present, no IP address shall be assigned. See note 1.
        type: array
        items:
          oneOf:
            - required: [fixedAddresses]
            - required: [numDynamicAddresses]
            - required: [addressRange]
`},
	{name: "VnfInstanceSubscriptionFilter of SOL003 requires vnfdId for vnfdIds", file: sol003Def,
		old: `      - oneOf:
        - required:
            - vnfdId
`,
		new: `      - oneOf:
        - required:
            - vnfdIds
`},
	// It requires scaleLevel, which the attribute's description and its range mean.
	{name: "ScaleInfo of SOL003 calls its scaleLevel scaleToLevel, an identifier", file: sol003Def,
		old: `      scaleToLevel:
        description: >
          Indicates the scale level. The minimum value shall be 0
          and the maximum value shall be ≤ maxScaleLevel as
          described in the VNFD.
        $ref: "#/definitions/Identifier"
`,
		new: `      scaleLevel:
        type: integer
        minimum: 0
`},
	// The description in the same place says application/zip, as SOL004 does.
	{name: "a VNF package is uploaded as application/binary", file: "nfv-sol005/SOL005/VNFPackageManagement/VNFPackageManagement.yaml",
		old: "        application/binary:\n          schema:\n", new: "        application/zip:\n          schema:\n"},
	// "The response body shall contain in an array ..."
	{name: "SOL003 GET /vnf_lcm_op_occs answers one operation", file: vnfLcm,
		old: `            $ref: "./definitions/SOL003VNFLifecycleManagement_def.yaml#/definitions/VnfLcmOpOcc"

    IndividualVnfLcmOpOcc.Get.200:
`,
		new: `            type: array
            items:
              $ref: "./definitions/SOL003VNFLifecycleManagement_def.yaml#/definitions/VnfLcmOpOcc"

    IndividualVnfLcmOpOcc.Get.200:
`},
	{name: "SOL003 vnflcm GET /subscriptions answers one subscription", file: vnfLcm,
		old: `            $ref: "./definitions/SOL003VNFLifecycleManagement_def.yaml#/definitions/LccnSubscription"

    IndividualSubscription.Get.200:
`,
		new: `            type: array
            items:
              $ref: "./definitions/SOL003VNFLifecycleManagement_def.yaml#/definitions/LccnSubscription"

    IndividualSubscription.Get.200:
`},
	// "... a representation of the "Individual VNF snapshot" resource"
	{name: "SOL003 GET /vnf_snapshots/{vnfSnapshotInfoId} answers an array", file: vnfLcm,
		old: `            type: array
            items:
              $ref: "./definitions/SOL003VNFLifecycleManagement_def.yaml#/definitions/VnfSnapshotInfo"

    IndividualVnfSnapshot.Patch.200:
`,
		new: `            $ref: "./definitions/SOL003VNFLifecycleManagement_def.yaml#/definitions/VnfSnapshotInfo"

    IndividualVnfSnapshot.Patch.200:
`},
	// "The response body shall be empty."
	{name: "SOL003 PATCH /vnf_instances/{vnfInstanceId} answers 202 with a body", file: vnfLcm,
		old: `      content:
        application/json:
          schema:
            $ref: "./definitions/SOL003VNFLifecycleManagement_def.yaml#/definitions/VnfInstance"

    IndividualVnfInstance.Patch.409:
`,
		new: `
    IndividualVnfInstance.Patch.409:
`},
	// "... a representation of the created "Individual subscription" resource"
	{name: "SOL003 vnfpkgm POST /subscriptions answers an array", file: "nfv-sol002-sol003/SOL003/VNFPackageManagement/VNFPackageManagement.yaml",
		old: `            type: array
            items:
              $ref: "definitions/SOL003VNFPackageManagement_def.yaml#/definitions/PkgmSubscription"

    Subscriptions.Post.303:
`,
		new: `            $ref: "definitions/SOL003VNFPackageManagement_def.yaml#/definitions/PkgmSubscription"

    Subscriptions.Post.303:
`},
	// The description says ONBOARDED, as that of the NSD does.
	{name: "PnfdOnboardingStateType has no ONBOARDED", file: nsdDef,
		old: "      - PROCESSING\n      - ONBOARDING\n      - ERROR\n",
		new: "      - PROCESSING\n      - ONBOARDED\n      - ERROR\n"},
	// As in 3, 4 and 6 of the README, the attribute prevails over the list.
	{name: "VnffgInfo requires pnfInfoId for pnfdInfoId", file: nsLcmDef,
		old: "      - vnfInstanceId\n      - pnfInfoId\n", new: "      - vnfInstanceId\n      - pnfdInfoId\n"},
	// "Match particular notification types", several, as SOL003 has them.
	{name: "SOL005 PkgmNotificationsFilter takes one notification type", file: pkgmDef,
		old: `        type: string
        enum:
          - VnfPackageOnboardingNotification
          - VnfPackageChangeNotification
      vnfProductsFromProviders:
`,
		new: `        type: array
        items:
          type: string
          enum: [VnfPackageOnboardingNotification, VnfPackageChangeNotification]
      vnfProductsFromProviders:
`},
	// "... used to upload the content of an NSD archive", with the Content-Type of a
	// body that the operation lacks. The same for a PNFD archive.
	{name: "an NSD archive is uploaded without a body", file: nsdFile,
		old: `content of an NSD archive. See clause 5.4.4.3.3.
      parameters:
        - $ref: '#/components/parameters/ContentTypeZip'
`,
		new: `content of an NSD archive. See clause 5.4.4.3.3.
      requestBody: {required: true, content: {application/zip: {}}}
`},
	{name: "a PNFD archive is uploaded without a body", file: nsdFile,
		old: `content of a PNFD archive. See clause 5.4.7.3.3.
      parameters:
        - $ref: '#/components/parameters/AcceptText'
        - $ref: '#/components/parameters/ContentTypeZip'
`,
		new: `content of a PNFD archive. See clause 5.4.7.3.3.
      requestBody: {required: true, content: {application/zip: {}}}
`},
	// "The response body shall contain in an array ..."; that of SOL005 has it.
	{name: "SOL003 GET /alarms answers one alarm", file: vnfFm,
		old: `            $ref: "./definitions/SOL003VNFFaultManagement_def.yaml#/definitions/Alarm"
    
    IndividualAlarm.Get.200:
`,
		new: `            type: array
            items:
              $ref: "./definitions/SOL003VNFFaultManagement_def.yaml#/definitions/Alarm"
    
    IndividualAlarm.Get.200:
`},
	{name: "SOL003 vnffm GET /subscriptions answers one subscription", file: vnfFm,
		old: `              $ref: "definitions/SOL003VNFFaultManagement_def.yaml#/definitions/FmSubscription"

    Subscriptions.Post.200:
`,
		new: `              type: array
              items:
                $ref: "definitions/SOL003VNFFaultManagement_def.yaml#/definitions/FmSubscription"

    Subscriptions.Post.200:
`},
	{name: "SOL002 GET /alarms answers one alarm", file: vnfFmVe,
		old: `            $ref: ./definitions/SOL002VNFFaultManagement_def.yaml#/definitions/Alarm

    IndividualAlarm.Get.200:
`,
		new: `            type: array
            items:
              $ref: ./definitions/SOL002VNFFaultManagement_def.yaml#/definitions/Alarm

    IndividualAlarm.Get.200:
`},
	{name: "SOL002 vnffm GET /subscriptions answers one subscription", file: vnfFmVe,
		old: `            $ref: definitions/SOL002VNFFaultManagement_def.yaml#/definitions/FmSubscription

    Subscriptions.Post.201:
`,
		new: `            type: array
            items:
              $ref: definitions/SOL002VNFFaultManagement_def.yaml#/definitions/FmSubscription

    Subscriptions.Post.201:
`},
	// The description of the same attribute says AlarmNotification.
	{name: "an AlarmNotification of SOL005 is an AlarmClearedNotification", file: nsFmNote,
		old: `          Shall be set to "AlarmNotification" for this notification type.
        type: string
        enum:
          - AlarmClearedNotification
`,
		new: `          Shall be set to "AlarmNotification" for this notification type.
        type: string
        enum:
          - AlarmNotification
`},
	// "shall contain a representation of the created "Individual subscription" resource".
	{name: "SOL003 vnfind POST /subscriptions answers an array", file: vnfInd,
		old: `            type: array
            items:
              $ref: definitions/SOL003VNFIndicator_def.yaml#/definitions/VnfIndicatorSubscription

    Subscriptions.Post.303:
`,
		new: `            $ref: definitions/SOL003VNFIndicator_def.yaml#/definitions/VnfIndicatorSubscription

    Subscriptions.Post.303:
`},
	{name: "SOL002 vnfind POST /subscriptions answers an array", file: vnfIndVe,
		old: `            type: array
            items:
              $ref: definitions/SOL002VNFIndicator_def.yaml#/definitions/VnfIndicatorSubscription

    VnfIndicatorSubscription.Post.422:
`,
		new: `            $ref: definitions/SOL002VNFIndicator_def.yaml#/definitions/VnfIndicatorSubscription

    VnfIndicatorSubscription.Post.422:
`},
	// The Location of a subscription is below /subscriptions; that of SOL002 has it.
	{name: "SOL003 vnfind has subscriptions below /indicators", file: vnfInd,
		old: "  /indicators/subscriptions/{subscriptionId}:\n", new: "  /subscriptions/{subscriptionId}:\n"},
	// The description of the same attribute says SupportedIndicatorsChangeNotification.
	{name: "a SupportedIndicatorsChangeNotification is a VnfIndicatorValueChangeNotification", file: vnfIndDef,
		old: `          "SupportedIndicatorsChangeNotification" for this notification type.
        type: string
        enum:
          - VnfIndicatorValueChangeNotification
`,
		new: `          "SupportedIndicatorsChangeNotification" for this notification type.
        type: string
        enum:
          - SupportedIndicatorsChangeNotification
`},
	// Its body is one of both types, and the path has the name of the first alone.
	{name: "a SupportedIndicatorsChangeNotification of SOL003 has no path", file: vnfIndTo,
		old: "paths:\n",
		new: `paths:
  /URI_is_provided_by_the_client_when_creating_the_subscription-SupportedIndicatorsChangeNotification:
    post:
      requestBody: {$ref: '#/components/requestBodies/AlarmListRebuiltNotification'}
      responses: {204: {$ref: '#/components/responses/VNFINDNotification.Post.204'}}
`},
}
