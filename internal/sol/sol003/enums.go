package sol003

// GrantedLcmOperationType is a kind of operation for which a VNFM asks for a grant.
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

// LcmCoordResultType says how a coordination of an operation ended.
type LcmCoordResultType string

// The values of LcmCoordResultType.
const (
	LcmCoordResultContinue  LcmCoordResultType = "CONTINUE"
	LcmCoordResultAbort     LcmCoordResultType = "ABORT"
	LcmCoordResultCancelled LcmCoordResultType = "CANCELLED"
)

// LcmOperationStateType is the state of an operation on a VNF. FAILED_TEMP rests
// until somebody asks; COMPLETED, FAILED and ROLLED_BACK are final.
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

// LcmOperationType is a kind of operation on a VNF.
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
