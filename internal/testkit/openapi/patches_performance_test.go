package openapi

import "maps"

// What the files of performance management take when they are mended.
const (
	pmJob        = `{"id":"1","objectType":"t","objectInstanceIds":["2"],"criteria":{"collectionPeriod":1,"reportingPeriod":1},"callbackUri":"https://a","_links":{"self":{"href":"https://a"}},"reports":[{"href":"https://a","readyTime":"2026-01-02T03:04:05Z"}]}`
	pmReport     = `{"entries":[{"objectType":"t","objectInstanceId":"2","subObjectInstanceId":"3","performanceMetric":"m","performanceValues":[{"timeStamp":"2026-01-02T03:04:05Z","value":1.5}]}]}`
	pmCrossed    = `{"id":"1","notificationType":"ThresholdCrossedNotification","timeStamp":"2026-01-02T03:04:05Z","thresholdId":"2","crossingDirection":"UP","objectType":"t","objectInstanceId":"3","performanceMetric":"m","performanceValue":1.5,"_links":{"threshold":{"href":"https://a"},"objectInstance":{"href":"https://a"}}}`
	pmValue      = `{"performanceMetric":"m","thresholdType":"SIMPLE","simpleThresholdDetails":{"thresholdValue":1.5,"hysteresis":1}}`
	pmHysteresis = `{"performanceMetric":"m","thresholdType":"SIMPLE","simpleThresholdDetails":{"thresholdValue":1,"hysteresis":1.5}}`
)

func init() {
	maps.Copy(proofs, map[string][]proof{
		"SOL003 PmJob/reports is one report":                                       {{vnfPmDef, "PmJob", pmJob, true}},
		"SOL003 PerformanceReport requires performanceValue for performanceValues": {{vnfPmDef, "PerformanceReport", pmReport, true}},
		"SOL003 the value of a metric is an object":                                {{vnfPmDef, "PerformanceReport", pmReport, true}},
		"SOL002 PmJob/reports is one report":                                       {{vnfPmVeDef, "PmJob", pmJob, true}},
		"SOL002 PerformanceReport requires performanceValue for performanceValues": {{vnfPmVeDef, "PerformanceReport", pmReport, true}},
		"SOL002 the value of a metric is an object":                                {{vnfPmVeDef, "PerformanceReport", pmReport, true}},
		"SOL005 PmJob/reports is one report with the links of the job":             {{nsPmDef, "PmJob", pmJob, true}},
		"SOL005 PerformanceReport requires performanceValue for performanceValues": {{nsPmDef, "PerformanceReport", pmReport, true}},
		"SOL005 the value of a metric is an object":                                {{nsPmDef, "PerformanceReport", pmReport, true}},
		"SOL005 PerformanceReport requires performanceValue for value":             {{nsPmDef, "PerformanceReport", pmReport, true}},
		"SOL003 the value that crosses a threshold is an object":                   {{vnfPmNote, "ThresholdCrossedNotification", pmCrossed, true}},
		"SOL005 the value that crosses a threshold is an object":                   {{nsPmNote, "ThresholdCrossedNotification", pmCrossed, true}},
		"SOL005 PerformanceReport/subObjectInstanceId is a list":                   {{nsPmDef, "PerformanceReport", pmReport, true}},
		"SOL005 thresholdValue is a whole number":                                  {{nsPmDef, "ThresholdCriteria", pmValue, true}},
		"SOL005 hysteresis is a whole number":                                      {{nsPmDef, "ThresholdCriteria", pmHysteresis, true}},
	})
}
