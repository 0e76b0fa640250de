package sol003

import "github.com/manoward/manoward/internal/sol"

// What SOL 003 has in common with SOL 005. All values of an enumeration stand in
// package sol; here are those that somebody names.
type (
	KeyValuePairs    = sol.KeyValuePairs
	Link             = sol.Link
	NotificationLink = sol.NotificationLink
	SelfLinks        = sol.SelfLinks

	CertificateInfo     = sol.CertificateInfo
	CertificateContent  = sol.CertificateContent
	AffectedCertificate = sol.AffectedCertificate

	VnfExtCpData              = sol.VnfExtCpData
	VnfExtCpConfig            = sol.VnfExtCpConfig
	CpProtocolData            = sol.CpProtocolData
	IpOverEthernetAddressData = sol.IpOverEthernetAddressData
	IpAddressData             = sol.IpAddressData
	IpAddressInfo             = sol.IpAddressInfo

	SubscriptionAuthentication        = sol.SubscriptionAuthentication
	VnfProduct                        = sol.VnfProduct
	VnfProductVersions                = sol.VnfProductVersions
	LcmOpOccNotificationVerbosityType = sol.LcmOpOccNotificationVerbosityType

	CancelMode              = sol.CancelMode
	CancelModeType          = sol.CancelModeType
	StopType                = sol.StopType
	VnfOperationalStateType = sol.VnfOperationalStateType
	MonitoringParameter     = sol.VnfMonitoringParameter
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
	StopGraceful                       = sol.StopGraceful
	StopForceful                       = sol.StopForceful
	VnfOperationalStateStarted         = sol.VnfOperationalStateStarted
	VnfOperationalStateStopped         = sol.VnfOperationalStateStopped
	LcmOpOccNotificationVerbosityFull  = sol.LcmOpOccNotificationVerbosityFull
	LcmOpOccNotificationVerbosityShort = sol.LcmOpOccNotificationVerbosityShort
)
