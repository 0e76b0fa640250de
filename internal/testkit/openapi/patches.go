package openapi

// patch mends one error of an official file, in memory.
type patch struct {
	name     string // of the error
	file     string // relative to the folder of the official files
	old, new string // text of the file; old stands there n times
	n        int    // 1 when zero
}

func (p patch) times() int { return max(p.n, 1) }

const (
	nsLcmDef  = "nfv-sol005/SOL005/NSLifecycleManagement/definitions/SOL005NSLifecycleManagement_def.yaml"
	nsLcmNote = "nfv-sol005/SOL005/NSLifecycleManagementNotification/definitions/SOL005NSLifecycleManagementNotification_def.yaml"
	nsdFile   = "nfv-sol005/SOL005/NSDManagement/NSDManagement.yaml"
	nsdDef    = "nfv-sol005/SOL005/NSDManagement/definitions/SOL005NSDescriptorManagement_def.yaml"
	pkgmDef   = "nfv-sol005/SOL005/VNFPackageManagement/definitions/SOL005VNFPackageManagement_def.yaml"
	vnfLcmDef = "nfv-sol002-sol003/SOL003/VNFLifecycleManagement/definitions/SOL003VNFLifecycleManagement_def.yaml"
	grantDef  = "nfv-sol002-sol003/SOL003/VNFLifecycleOperationGranting/definitions/SOL003VNFLifecycleOperationGranting_def.yaml"
	vnfLcm    = "nfv-sol002-sol003/SOL003/VNFLifecycleManagement/VNFLifecycleManagement.yaml"
	vnfFm     = "nfv-sol002-sol003/SOL003/VNFFaultManagement/VNFFaultManagement.yaml"
	vnfFmVe   = "nfv-sol002-sol003/SOL002/VNFFaultManagement/VNFFaultManagement.yaml"
	nsFmNote  = "nfv-sol005/SOL005/NSFaultManagementNotification/definitions/SOL005NSFaultManagementNotification_def.yaml"
	vnfInd    = "nfv-sol002-sol003/SOL003/VNFIndicator/VNFIndicator.yaml"
	vnfIndVe  = "nfv-sol002-sol003/SOL002/VNFIndicator/VNFIndicator.yaml"
	vnfIndTo  = "nfv-sol002-sol003/SOL003/VNFIndicatorNotification/VNFIndicatorNotification.yaml"
	vnfIndDef = "nfv-sol002-sol003/SOL003/VNFIndicatorNotification/definitions/SOL003VNFIndicatorNotification_def.yaml"
	sol003Def = "nfv-sol002-sol003/SOL003/General_Definitions/SOL003_def.yaml"
)

// known are the errors that the README beside the files lists, by its numbers.
// TestPatchesNeeded proves of each, and of those in found, that the file as it
// is refuses what the specification asks for, or lets pass what it forbids.
//
// No patch is needed for 8 (addVnfIstance), 9 (timestamp and timeStamp) and 11
// (#/definitions), which are held as the files have them, nor for
// revertVnfToSnapshotData, whose description swallows one $ref and which has
// another, right one.
var known = []patch{
	{name: "1: updateType ADD SAP has a blank", file: nsLcmDef,
		old: "          - ADD SAP\n", new: "          - ADD_SAP\n"},
	{name: "2: NsLcmOperationOccurenceNotification with one r", file: nsLcmDef,
		old: "            - NsLcmOperationOccurenceNotification\n", new: "            - NsLcmOperationOccurrenceNotification\n"},
	{name: "3: NsLcmOpOcc requires statusEnteredTime", file: nsLcmDef,
		old: "      - statusEnteredTime\n", new: "      - stateEnteredTime\n"},
	{name: "4: NsChangeNotification requires a name that is cut off", file: nsLcmNote,
		old: "      - lcmOpOccStatusImpactingNsCompon\n", new: "      - lcmOpOccStatusImpactingNsComponent\n"},
	// The type of the names ends in NS_HEAL too, hence the blank lines.
	{name: "5: the status enumeration repeats the names of operations", file: nsLcmDef,
		old: `      NS_HEAL	                Represents the "Heal NS" LCM operation.

    type: string
    enum:
      - VNF_INSTANTIATE
      - VNF_SCALE
      - VNF_SCALE_TO_LEVEL
      - VNF_CHANGE_FLAVOUR
      - VNF_TERMINATE
      - VNF_HEAL
      - VNF_OPERATE
      - VNF_CHANGE_EXT_CONN
      - VNF_MODIFY_INFO
      - VNF_CREATE_SNAPSHOT
      - VNF_REVERT_TO_SNAPSHOT
      - VNF_CHANGE_VNFPKG
      - NS_INSTANTIATE
      - NS_SCALE
      - NS_UPDATE
      - NS_TERMINATE
      - NS_HEAL


  NsLcmOpOcc:
`,
		new: `
    type: string
    enum: [START, COMPLETED, PARTIALLY_COMPLETED, FAILED, ROLLED_BACK]

  NsLcmOpOcc:
`},
	{name: "6: CreateVnfSnapshotRequest requires vnfSnapshotResId", file: vnfLcmDef,
		old: "      - vnfSnapshotResId\n", new: "      - vnfSnapshotInfoId\n"},
	{name: "7: fail and cancel carry /nslcm/v1", file: "nfv-sol005/SOL005/NSLifecycleManagement/NSLifecycleManagement.yaml",
		old: "  /nslcm/v1/ns_lcm_op_occs/", new: "  /ns_lcm_op_occs/", n: 2},
	{name: "10: the description swallows VnfStateSnapshotInfo/checksum", file: vnfLcmDef,
		old: `          $ref: "../definitions/SOL002SOL003_def.yaml#/definitions/Checksum"`,
		new: `        $ref: "../../General_Definitions/SOL003_def.yaml#/definitions/Checksum"`},
	{name: "10: the description swallows VnfStateSnapshotInfo/isEncrypted", file: vnfLcmDef,
		old: `          $ref: "../definitions/SOL002SOL003_def.yaml#/definitions/Boolean"`,
		new: `        $ref: "../../General_Definitions/SOL003_def.yaml#/definitions/Boolean"`},
	{name: "10: the description swallows VnfStateSnapshotInfo/metadata", file: vnfLcmDef,
		old: `          $ref: "../definitions/SOL002SOL003_def.yaml#/definitions/KeyValuePairs"`,
		new: `        $ref: "../../General_Definitions/SOL003_def.yaml#/definitions/KeyValuePairs"`},
	{name: "the description swallows VimSnapshotResource/storageSnapshotId", file: grantDef,
		old: `(as indicated by "type=STORAGE" in the parent resource definition).
          $ref:`,
		new: `(as indicated by "type=STORAGE" in the parent resource definition).
        $ref:`},
}
