package sol005

// LcmCoordResultType says how a coordination of an operation ended. CACELLED is
// ETSI's spelling, and SOL 003 has it right.
type LcmCoordResultType string

// The values of LcmCoordResultType.
const (
	LcmCoordResultContinue LcmCoordResultType = "CONTINUE"
	LcmCoordResultAbort    LcmCoordResultType = "ABORT"
	LcmCoordResultCacelled LcmCoordResultType = "CACELLED"
)

// NsLcmOpType is a kind of operation on an NS.
type NsLcmOpType string

// The values of NsLcmOpType.
const (
	NsLcmOpInstantiate NsLcmOpType = "INSTANTIATE"
	NsLcmOpScale       NsLcmOpType = "SCALE"
	NsLcmOpUpdate      NsLcmOpType = "UPDATE"
	NsLcmOpTerminate   NsLcmOpType = "TERMINATE"
	NsLcmOpHeal        NsLcmOpType = "HEAL"
)

// NsLcmOperationStateType is the state of an operation on an NS. PROCESSING and
// ROLLING_BACK go on by themselves, FAILED_TEMP waits until somebody asks, the
// others are final.
type NsLcmOperationStateType string

// The values of NsLcmOperationStateType.
const (
	NsLcmOperationStateProcessing         NsLcmOperationStateType = "PROCESSING"
	NsLcmOperationStateCompleted          NsLcmOperationStateType = "COMPLETED"
	NsLcmOperationStatePartiallyCompleted NsLcmOperationStateType = "PARTIALLY_COMPLETED"
	NsLcmOperationStateFailedTemp         NsLcmOperationStateType = "FAILED_TEMP"
	NsLcmOperationStateFailed             NsLcmOperationStateType = "FAILED"
	NsLcmOperationStateRollingBack        NsLcmOperationStateType = "ROLLING_BACK"
	NsLcmOperationStateRolledBack         NsLcmOperationStateType = "ROLLED_BACK"
)

// NsComponentType is what a part of an NS is of which a change is told.
type NsComponentType string

// The values of NsComponentType.
const (
	NsComponentVnf NsComponentType = "VNF"
	NsComponentPnf NsComponentType = "PNF"
	NsComponentNs  NsComponentType = "NS"
)

// LcmOpNameForChangeNotificationType is the operation, on a VNF or on an NS, that
// touches a part of an NS.
type LcmOpNameForChangeNotificationType string

// The values of LcmOpNameForChangeNotificationType.
const (
	LcmOpNameForChangeNotificationVnfInstantiate      LcmOpNameForChangeNotificationType = "VNF_INSTANTIATE"
	LcmOpNameForChangeNotificationVnfScale            LcmOpNameForChangeNotificationType = "VNF_SCALE"
	LcmOpNameForChangeNotificationVnfScaleToLevel     LcmOpNameForChangeNotificationType = "VNF_SCALE_TO_LEVEL"
	LcmOpNameForChangeNotificationVnfChangeFlavour    LcmOpNameForChangeNotificationType = "VNF_CHANGE_FLAVOUR"
	LcmOpNameForChangeNotificationVnfTerminate        LcmOpNameForChangeNotificationType = "VNF_TERMINATE"
	LcmOpNameForChangeNotificationVnfHeal             LcmOpNameForChangeNotificationType = "VNF_HEAL"
	LcmOpNameForChangeNotificationVnfOperate          LcmOpNameForChangeNotificationType = "VNF_OPERATE"
	LcmOpNameForChangeNotificationVnfChangeExtConn    LcmOpNameForChangeNotificationType = "VNF_CHANGE_EXT_CONN"
	LcmOpNameForChangeNotificationVnfModifyInfo       LcmOpNameForChangeNotificationType = "VNF_MODIFY_INFO"
	LcmOpNameForChangeNotificationVnfCreateSnapshot   LcmOpNameForChangeNotificationType = "VNF_CREATE_SNAPSHOT"
	LcmOpNameForChangeNotificationVnfRevertToSnapshot LcmOpNameForChangeNotificationType = "VNF_REVERT_TO_SNAPSHOT"
	LcmOpNameForChangeNotificationVnfChangeVnfpkg     LcmOpNameForChangeNotificationType = "VNF_CHANGE_VNFPKG"
	LcmOpNameForChangeNotificationNsInstantiate       LcmOpNameForChangeNotificationType = "NS_INSTANTIATE"
	LcmOpNameForChangeNotificationNsScale             LcmOpNameForChangeNotificationType = "NS_SCALE"
	LcmOpNameForChangeNotificationNsUpdate            LcmOpNameForChangeNotificationType = "NS_UPDATE"
	LcmOpNameForChangeNotificationNsTerminate         LcmOpNameForChangeNotificationType = "NS_TERMINATE"
	LcmOpNameForChangeNotificationNsHeal              LcmOpNameForChangeNotificationType = "NS_HEAL"
)

// LcmOpOccStatusForChangeNotificationType is how far the operation of an
// NsChangeNotification is. The official OpenAPI file of V3.7.1 repeats the names of
// operations here by mistake; these are the specification's values.
type LcmOpOccStatusForChangeNotificationType string

// The values of LcmOpOccStatusForChangeNotificationType.
const (
	ChangeStart              LcmOpOccStatusForChangeNotificationType = "START"
	ChangeCompleted          LcmOpOccStatusForChangeNotificationType = "COMPLETED"
	ChangePartiallyCompleted LcmOpOccStatusForChangeNotificationType = "PARTIALLY_COMPLETED"
	ChangeFailed             LcmOpOccStatusForChangeNotificationType = "FAILED"
	ChangeRolledBack         LcmOpOccStatusForChangeNotificationType = "ROLLED_BACK"
)

// NsdOnboardingStateType is how far an NSD archive has come on its way in.
type NsdOnboardingStateType string

// The values of NsdOnboardingStateType.
const (
	NsdOnboardingStateCreated    NsdOnboardingStateType = "CREATED"
	NsdOnboardingStateUploading  NsdOnboardingStateType = "UPLOADING"
	NsdOnboardingStateProcessing NsdOnboardingStateType = "PROCESSING"
	NsdOnboardingStateOnboarded  NsdOnboardingStateType = "ONBOARDED"
	NsdOnboardingStateError      NsdOnboardingStateType = "ERROR"
)

// NsdOperationalStateType says whether new NS instances may be made of an NSD.
type NsdOperationalStateType string

// The values of NsdOperationalStateType.
const (
	NsdOperationalStateEnabled  NsdOperationalStateType = "ENABLED"
	NsdOperationalStateDisabled NsdOperationalStateType = "DISABLED"
)

// NsdUsageStateType says whether there are NS instances of an NSD.
type NsdUsageStateType string

// The values of NsdUsageStateType.
const (
	NsdUsageStateInUse    NsdUsageStateType = "IN_USE"
	NsdUsageStateNotInUse NsdUsageStateType = "NOT_IN_USE"
)

// PnfdOnboardingStateType is how far a PNFD archive has come on its way in.
type PnfdOnboardingStateType string

// The values of PnfdOnboardingStateType.
const (
	PnfdOnboardingStateCreated    PnfdOnboardingStateType = "CREATED"
	PnfdOnboardingStateUploading  PnfdOnboardingStateType = "UPLOADING"
	PnfdOnboardingStateProcessing PnfdOnboardingStateType = "PROCESSING"
	PnfdOnboardingStateOnboarding PnfdOnboardingStateType = "ONBOARDING"
	PnfdOnboardingStateError      PnfdOnboardingStateType = "ERROR"
)

// PnfdUsageStateType says whether a PNFD is part of an NSD.
type PnfdUsageStateType string

// The values of PnfdUsageStateType.
const (
	PnfdUsageStateInUse    PnfdUsageStateType = "IN_USE"
	PnfdUsageStateNotInUse PnfdUsageStateType = "NOT_IN_USE"
)

// WanLayer3ProtocolData is how a new MSCS of layer 3 keeps its users apart.
type WanLayer3ProtocolData string

// The values of WanLayer3ProtocolData.
const (
	WanLayer3ProtocolDataBgpIpVpn WanLayer3ProtocolData = "BGP_IP_VPN"
)
