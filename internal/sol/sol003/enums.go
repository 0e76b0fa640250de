package sol003

// CancelModeType is the enumeration of that name in SOL003 V3.7.1.
type CancelModeType string

// The values of CancelModeType.
const (
	CancelModeGraceful CancelModeType = "GRACEFUL"
	CancelModeForceful CancelModeType = "FORCEFUL"
)

// GrantedLcmOperationType is the enumeration of that name in SOL003 V3.7.1.
type GrantedLcmOperationType string

// The values of GrantedLcmOperationType.
const (
	GrantedLcmOperationInstantiate      GrantedLcmOperationType = "INSTANTIATE"
	GrantedLcmOperationScale            GrantedLcmOperationType = "SCALE"
	GrantedLcmOperationScaleToLevel     GrantedLcmOperationType = "SCALE_TO_LEVEL"
	GrantedLcmOperationChangeFlavour    GrantedLcmOperationType = "CHANGE_FLAVOUR"
	GrantedLcmOperationTerminate        GrantedLcmOperationType = "TERMINATE"
	GrantedLcmOperationHeal             GrantedLcmOperationType = "HEAL"
	GrantedLcmOperationOperate          GrantedLcmOperationType = "OPERATE"
	GrantedLcmOperationChangeExtConn    GrantedLcmOperationType = "CHANGE_EXT_CONN"
	GrantedLcmOperationChangeVnfpkg     GrantedLcmOperationType = "CHANGE_VNFPKG"
	GrantedLcmOperationCreateSnapshot   GrantedLcmOperationType = "CREATE_SNAPSHOT"
	GrantedLcmOperationRevertToSnapshot GrantedLcmOperationType = "REVERT_TO_SNAPSHOT"
)

// LcmCoordResultType is the enumeration of that name in SOL003 V3.7.1.
type LcmCoordResultType string

// The values of LcmCoordResultType.
const (
	LcmCoordResultContinue  LcmCoordResultType = "CONTINUE"
	LcmCoordResultAbort     LcmCoordResultType = "ABORT"
	LcmCoordResultCancelled LcmCoordResultType = "CANCELLED"
)

// LcmOpOccNotificationVerbosityType is the enumeration of that name in SOL003 V3.7.1.
type LcmOpOccNotificationVerbosityType string

// The values of LcmOpOccNotificationVerbosityType.
const (
	LcmOpOccNotificationVerbosityFull  LcmOpOccNotificationVerbosityType = "FULL"
	LcmOpOccNotificationVerbosityShort LcmOpOccNotificationVerbosityType = "SHORT"
)

// LcmOperationStateType is the enumeration of that name in SOL003 V3.7.1.
type LcmOperationStateType string

// The values of LcmOperationStateType.
const (
	LcmOperationStateStarting    LcmOperationStateType = "STARTING"
	LcmOperationStateProcessing  LcmOperationStateType = "PROCESSING"
	LcmOperationStateCompleted   LcmOperationStateType = "COMPLETED"
	LcmOperationStateFailedTemp  LcmOperationStateType = "FAILED_TEMP"
	LcmOperationStateFailed      LcmOperationStateType = "FAILED"
	LcmOperationStateRollingBack LcmOperationStateType = "ROLLING_BACK"
	LcmOperationStateRolledBack  LcmOperationStateType = "ROLLED_BACK"
)

// LcmOperationType is the enumeration of that name in SOL003 V3.7.1.
type LcmOperationType string

// The values of LcmOperationType.
const (
	LcmOperationInstantiate      LcmOperationType = "INSTANTIATE"
	LcmOperationScale            LcmOperationType = "SCALE"
	LcmOperationScaleToLevel     LcmOperationType = "SCALE_TO_LEVEL"
	LcmOperationChangeFlavour    LcmOperationType = "CHANGE_FLAVOUR"
	LcmOperationTerminate        LcmOperationType = "TERMINATE"
	LcmOperationHeal             LcmOperationType = "HEAL"
	LcmOperationOperate          LcmOperationType = "OPERATE"
	LcmOperationChangeExtConn    LcmOperationType = "CHANGE_EXT_CONN"
	LcmOperationModifyInfo       LcmOperationType = "MODIFY_INFO"
	LcmOperationCreateSnapshot   LcmOperationType = "CREATE_SNAPSHOT"
	LcmOperationRevertToSnapshot LcmOperationType = "REVERT_TO_SNAPSHOT"
	LcmOperationChangeVnfpkg     LcmOperationType = "CHANGE_VNFPKG"
)

// PackageChangeType is the enumeration of that name in SOL003 V3.7.1.
type PackageChangeType string

// The values of PackageChangeType.
const (
	PackageChangeOpStateChange PackageChangeType = "OP_STATE_CHANGE"
	PackageChangePkgDelete     PackageChangeType = "PKG_DELETE"
)

// PackageOnboardingStateType is the enumeration of that name in SOL003 V3.7.1.
type PackageOnboardingStateType string

// The values of PackageOnboardingStateType.
const (
	PackageOnboardingStateCreated    PackageOnboardingStateType = "CREATED"
	PackageOnboardingStateUploading  PackageOnboardingStateType = "UPLOADING"
	PackageOnboardingStateProcessing PackageOnboardingStateType = "PROCESSING"
	PackageOnboardingStateOnboarded  PackageOnboardingStateType = "ONBOARDED"
	PackageOnboardingStateError      PackageOnboardingStateType = "ERROR"
)

// PackageOperationalStateType is the enumeration of that name in SOL003 V3.7.1.
type PackageOperationalStateType string

// The values of PackageOperationalStateType.
const (
	PackageOperationalStateEnabled  PackageOperationalStateType = "ENABLED"
	PackageOperationalStateDisabled PackageOperationalStateType = "DISABLED"
)

// PackageUsageStateType is the enumeration of that name in SOL003 V3.7.1.
type PackageUsageStateType string

// The values of PackageUsageStateType.
const (
	PackageUsageStateInUse    PackageUsageStateType = "IN_USE"
	PackageUsageStateNotInUse PackageUsageStateType = "NOT_IN_USE"
)

// StopType is the enumeration of that name in SOL003 V3.7.1.
type StopType string

// The values of StopType.
const (
	StopForceful StopType = "FORCEFUL"
	StopGraceful StopType = "GRACEFUL"
)

// VnfOperationalStateType is the enumeration of that name in SOL003 V3.7.1.
type VnfOperationalStateType string

// The values of VnfOperationalStateType.
const (
	VnfOperationalStateStarted VnfOperationalStateType = "STARTED"
	VnfOperationalStateStopped VnfOperationalStateType = "STOPPED"
)
