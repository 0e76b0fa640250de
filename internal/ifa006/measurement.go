package ifa006

import "time"

// The metrics of virtualised resources that a VIM may have measurements of (ETSI GS
// NFV-IFA 027 clause 7.1). Those of use are percentages of what the compute has; the
// others are what went through a port since the measurement before.
const (
	CPUUsageMean    = "VCpuUsageMean"
	CPUUsagePeak    = "VCpuUsagePeak"
	MemoryUsageMean = "VMemoryUsageMean"
	MemoryUsagePeak = "VMemoryUsagePeak"
	DiskUsageMean   = "VDiskUsageMean"
	DiskUsagePeak   = "VDiskUsagePeak"
	BytesIncoming   = "VNetByteIncoming"
	BytesOutgoing   = "VNetByteOutgoing"
	PacketsIncoming = "VNetPacketIncoming"
	PacketsOutgoing = "VNetPacketOutgoing"
)

// ComputeMetrics are those of a compute.
func ComputeMetrics() []string {
	return []string{CPUUsageMean, CPUUsagePeak, MemoryUsageMean, MemoryUsagePeak, DiskUsageMean, DiskUsagePeak}
}

// PortMetrics are those of a port.
func PortMetrics() []string {
	return []string{BytesIncoming, BytesOutgoing, PacketsIncoming, PacketsOutgoing}
}

// Measurements is what was measured of a resource, the newest of each metric.
type Measurements struct {
	ResourceID  string   `json:"resourceId"` // of a compute or a port
	TrustDomain string   `json:"trustDomain"`
	Metrics     []Series `json:"metrics"` // sorted by name
	NfviSource  string   `json:"nfviSource"`
}

// Series is the measurements of one metric, the oldest first.
type Series struct {
	Metric string `json:"performanceMetric"`
	// DroppedUntil is when the newest measurement was taken that is not kept any more;
	// nil if all are kept.
	DroppedUntil *time.Time    `json:"droppedUntil,omitempty"`
	Measurements []Measurement `json:"measurements"`
}

// Measurement is one value. What it is about ended when it was taken.
type Measurement struct {
	Value float64   `json:"value"`
	At    time.Time `json:"measuredAt"`
}
