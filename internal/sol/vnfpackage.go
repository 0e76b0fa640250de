package sol

// PackageOnboardingStateType is how far a VNF package has come on its way in (SOL
// 003 clause 10.5.4, SOL 005 clause 9.5.4.3).
type PackageOnboardingStateType string

// The values of PackageOnboardingStateType.
const (
	PackageOnboardingStateCreated    PackageOnboardingStateType = "CREATED"
	PackageOnboardingStateUploading  PackageOnboardingStateType = "UPLOADING"
	PackageOnboardingStateProcessing PackageOnboardingStateType = "PROCESSING"
	PackageOnboardingStateOnboarded  PackageOnboardingStateType = "ONBOARDED"
	PackageOnboardingStateError      PackageOnboardingStateType = "ERROR"
)

// PackageOperationalStateType says whether new VNF instances may be made of a VNF
// package (SOL 003 clause 10.5.4, SOL 005 clause 9.5.4.4).
type PackageOperationalStateType string

// The values of PackageOperationalStateType.
const (
	PackageOperationalStateEnabled  PackageOperationalStateType = "ENABLED"
	PackageOperationalStateDisabled PackageOperationalStateType = "DISABLED"
)

// PackageUsageStateType says whether there are VNF instances of a VNF package (SOL
// 003 clause 10.5.4, SOL 005 clause 9.5.4).
type PackageUsageStateType string

// The values of PackageUsageStateType.
const (
	PackageUsageStateInUse    PackageUsageStateType = "IN_USE"
	PackageUsageStateNotInUse PackageUsageStateType = "NOT_IN_USE"
)

// PackageChangeType says what became of a VNF package after it was onboarded (SOL
// 003 clause 10.5.4, SOL 005 clause 9.5.4.6).
type PackageChangeType string

// The values of PackageChangeType.
const (
	PackageChangeOpStateChange PackageChangeType = "OP_STATE_CHANGE"
	PackageChangePkgDelete     PackageChangeType = "PKG_DELETE"
)
