package sol

import "time"

// CreatePmJobRequest asks for a PM job (SOL 003 clause 6.5.2.6, SOL 005 clause
// 7.5.2.6).
type CreatePmJobRequest struct {
	ObjectType           string                      `json:"objectType"`
	ObjectInstanceIDs    []string                    `json:"objectInstanceIds"`
	SubObjectInstanceIDs []string                    `json:"subObjectInstanceIds,omitempty"`
	Criteria             PmJobCriteria               `json:"criteria"`
	CallbackURI          string                      `json:"callbackUri"`
	Authentication       *SubscriptionAuthentication `json:"authentication,omitempty"`
}

// PmJob is a job that collects performance information and reports it (SOL 003 clause
// 6.5.2.7, SOL 005 clause 7.5.2.7), without what authorises its notifications.
type PmJob struct {
	ID                   string        `json:"id"`
	ObjectType           string        `json:"objectType"`
	ObjectInstanceIDs    []string      `json:"objectInstanceIds"`
	SubObjectInstanceIDs []string      `json:"subObjectInstanceIds,omitempty"`
	Criteria             PmJobCriteria `json:"criteria"`
	CallbackURI          string        `json:"callbackUri"`
	Reports              []PmJobReport `json:"reports,omitempty"`
	Links                PmJobLinks    `json:"_links"`
}

// PmJobLinks are the links of a PmJob. They stand inline in it.
type PmJobLinks struct {
	Self    Link   `json:"self"`
	Objects []Link `json:"objects,omitempty"`
}

// PmJobReport says of a report of a PM job where it is. It stands inline in the job.
type PmJobReport struct {
	Href       string     `json:"href"`
	ReadyTime  time.Time  `json:"readyTime"`
	ExpiryTime *time.Time `json:"expiryTime,omitempty"`
}

// PmJobCriteria says what a PM job collects and how often (SOL 003 clause 6.5.3.3, SOL
// 005 clause 7.5.3.3). The periods are in seconds.
type PmJobCriteria struct {
	PerformanceMetric      []string   `json:"performanceMetric,omitempty"`
	PerformanceMetricGroup []string   `json:"performanceMetricGroup,omitempty"`
	CollectionPeriod       int        `json:"collectionPeriod"`
	ReportingPeriod        int        `json:"reportingPeriod"`
	ReportingBoundary      *time.Time `json:"reportingBoundary,omitempty"`
}

// CreateThresholdRequest asks for a threshold (SOL 003 clause 6.5.2.8, SOL 005 clause
// 7.5.2.8).
type CreateThresholdRequest struct {
	ObjectType           string                      `json:"objectType"`
	ObjectInstanceID     string                      `json:"objectInstanceId"`
	SubObjectInstanceIDs []string                    `json:"subObjectInstanceIds,omitempty"`
	Criteria             ThresholdCriteria           `json:"criteria"`
	CallbackURI          string                      `json:"callbackUri"`
	Authentication       *SubscriptionAuthentication `json:"authentication,omitempty"`
}

// Threshold is a threshold whose crossings are told (SOL 003 clause 6.5.2.9, SOL 005
// clause 7.5.2.9), without what authorises its notifications.
type Threshold struct {
	ID                   string            `json:"id"`
	ObjectType           string            `json:"objectType"`
	ObjectInstanceID     string            `json:"objectInstanceId"`
	SubObjectInstanceIDs []string          `json:"subObjectInstanceIds,omitempty"`
	Criteria             ThresholdCriteria `json:"criteria"`
	CallbackURI          string            `json:"callbackUri"`
	Links                ThresholdLinks    `json:"_links"`
}

// ThresholdLinks are the links of a Threshold. They stand inline in it.
type ThresholdLinks struct {
	Self   Link  `json:"self"`
	Object *Link `json:"object,omitempty"`
}

// ThresholdSimple is the one type of threshold that there is.
const ThresholdSimple = "SIMPLE"

// ThresholdCriteria is what is watched, and the threshold (SOL 003 clause 6.5.3.4, SOL
// 005 clause 7.5.3.4).
type ThresholdCriteria struct {
	PerformanceMetric      string                  `json:"performanceMetric"`
	ThresholdType          string                  `json:"thresholdType"`
	SimpleThresholdDetails *SimpleThresholdDetails `json:"simpleThresholdDetails,omitempty"`
}

// SimpleThresholdDetails is a threshold that is one value, in the unit of the metric. It
// stands inline in the criteria.
type SimpleThresholdDetails struct {
	ThresholdValue float64 `json:"thresholdValue"`
	Hysteresis     float64 `json:"hysteresis"`
}

// CallbackModifications is the answer to a PATCH of a PM job or a threshold:
// PmJobModifications (SOL 003 clause 6.5.2.12, SOL 005 clause 7.5.2.12) and
// ThresholdModifications (clauses 6.5.2.11 and 7.5.2.11).
type CallbackModifications struct {
	CallbackURI string `json:"callbackUri,omitempty"`
}

// PerformanceReport is what a PM job has collected (SOL 003 clause 6.5.2.10, SOL 005
// clause 7.5.2.10).
type PerformanceReport struct {
	Entries []PerformanceEntry `json:"entries"`
}

// PerformanceEntry is the values of one metric of one object. It stands inline in the
// report.
type PerformanceEntry struct {
	ObjectType          string             `json:"objectType"`
	ObjectInstanceID    string             `json:"objectInstanceId"`
	SubObjectInstanceID string             `json:"subObjectInstanceId,omitempty"`
	PerformanceMetric   string             `json:"performanceMetric"`
	PerformanceValues   []PerformanceValue `json:"performanceValues"`
}

// PerformanceValue is a value and when it was collected: the end of its collection
// period. It stands inline in the entry.
type PerformanceValue struct {
	TimeStamp time.Time `json:"timeStamp"`
	Value     float64   `json:"value"`
}

// PerformanceInformationAvailableNotification tells of a report (SOL 003 clause 6.5.2.5,
// SOL 005 clause 7.5.2.5).
type PerformanceInformationAvailableNotification struct {
	ID                   string                   `json:"id"`
	NotificationType     string                   `json:"notificationType"`
	TimeStamp            time.Time                `json:"timeStamp"`
	PmJobID              string                   `json:"pmJobId"`
	ObjectType           string                   `json:"objectType"`
	ObjectInstanceID     string                   `json:"objectInstanceId"`
	SubObjectInstanceIDs []string                 `json:"subObjectInstanceIds,omitempty"`
	Links                PerformanceInformedLinks `json:"_links"`
}

// PerformanceInformedLinks are the links of that notification. They stand inline in it.
type PerformanceInformedLinks struct {
	ObjectInstance    *NotificationLink `json:"objectInstance,omitempty"`
	PmJob             NotificationLink  `json:"pmJob"`
	PerformanceReport NotificationLink  `json:"performanceReport"`
}

// ThresholdCrossedNotification tells that a threshold was crossed (SOL 003 clause
// 6.5.2.4, SOL 005 clause 7.5.2.4).
type ThresholdCrossedNotification struct {
	ID                  string                `json:"id"`
	NotificationType    string                `json:"notificationType"`
	TimeStamp           time.Time             `json:"timeStamp"`
	ThresholdID         string                `json:"thresholdId"`
	CrossingDirection   CrossingDirectionType `json:"crossingDirection"`
	ObjectType          string                `json:"objectType"`
	ObjectInstanceID    string                `json:"objectInstanceId"`
	SubObjectInstanceID string                `json:"subObjectInstanceId,omitempty"`
	PerformanceMetric   string                `json:"performanceMetric"`
	PerformanceValue    float64               `json:"performanceValue"`
	Links               ThresholdCrossedLinks `json:"_links"`
}

// ThresholdCrossedLinks are the links of that notification. They stand inline in it.
type ThresholdCrossedLinks struct {
	ObjectInstance *NotificationLink `json:"objectInstance,omitempty"`
	Threshold      NotificationLink  `json:"threshold"`
}

// CrossingDirectionType says which way a threshold was crossed (SOL 003 clause 6.5.4.3,
// SOL 005 clause 7.5.4.3).
type CrossingDirectionType string

// The values of CrossingDirectionType.
const (
	CrossingUp   CrossingDirectionType = "UP"
	CrossingDown CrossingDirectionType = "DOWN"
)
