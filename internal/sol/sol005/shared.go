package sol005

import "github.com/manoward/manoward/internal/sol"

// What SOL 005 has in common with SOL 003. All values of an enumeration stand in
// package sol; here are those that somebody names.
type (
	KeyValuePairs    = sol.KeyValuePairs
	Link             = sol.Link
	NotificationLink = sol.NotificationLink
	SelfLinks        = sol.SelfLinks

	CertificateInfo = sol.CertificateInfo

	VnfExtCpData              = sol.VnfExtCpData
	VnfExtCpConfig            = sol.VnfExtCpConfig
	CpProtocolData            = sol.CpProtocolData
	IpOverEthernetAddressData = sol.IpOverEthernetAddressData
	IpAddressData             = sol.IpAddressData
	IpAddressInfo             = sol.IpAddressInfo
	IpAddressRange            = sol.IpAddressRange

	SubscriptionAuthentication        = sol.SubscriptionAuthentication
	VnfProduct                        = sol.VnfProduct
	VnfProductVersions                = sol.VnfProductVersions
	LcmOpOccNotificationVerbosityType = sol.LcmOpOccNotificationVerbosityType

	CancelMode              = sol.CancelMode
	CancelModeType          = sol.CancelModeType
	StopType                = sol.StopType
	OperationalStates       = sol.VnfOperationalStateType
	VnfOperationalStateType = sol.VnfOperationalStateType
	VnfMonitoringParameter  = sol.VnfMonitoringParameter
	RejectedLcmCoordination = sol.RejectedLcmCoordination

	PackageOnboardingStateType  = sol.PackageOnboardingStateType
	PackageOperationalStateType = sol.PackageOperationalStateType
	PackageUsageStateType       = sol.PackageUsageStateType
	PackageChangeType           = sol.PackageChangeType
)

// Values of these types.
const (
	CancelModeGraceful                 = sol.CancelModeGraceful
	CancelModeForceful                 = sol.CancelModeForceful
	OperationalStatesStarted           = sol.VnfOperationalStateStarted
	OperationalStatesStopped           = sol.VnfOperationalStateStopped
	LcmOpOccNotificationVerbosityFull  = sol.LcmOpOccNotificationVerbosityFull
	LcmOpOccNotificationVerbosityShort = sol.LcmOpOccNotificationVerbosityShort
	PackageOperationalStateEnabled     = sol.PackageOperationalStateEnabled
	PackageOperationalStateDisabled    = sol.PackageOperationalStateDisabled
)
