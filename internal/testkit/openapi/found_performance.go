package openapi

// The files of performance management.
const (
	vnfPmDef   = "nfv-sol002-sol003/SOL003/VNFPerformanceManagement/definitions/SOL003VNFPerformanceManagement_def.yaml"
	vnfPmVeDef = "nfv-sol002-sol003/SOL002/VNFPerformanceManagement/definitions/SOL002VNFPerformanceManagement_def.yaml"
	vnfPmNote  = "nfv-sol002-sol003/SOL003/VNFPerformanceManagementNotification/definitions/SOL003VNFPerformanceManagementNotification_def.yaml"
	nsPmDef    = "nfv-sol005/SOL005/NSPerformanceManagement/definitions/SOL005NSPerformanceManagement_def.yaml"
	nsPmNote   = "nfv-sol005/SOL005/NSPerformanceManagementNotification/definitions/SOL005NSPerformanceManagementNotification_def.yaml"
)

// foundPerformance are those of the files of performance management, as in found.
var foundPerformance = []patch{
	// "Information about available reports": the job makes one at the end of each
	// reporting period.
	{name: "SOL003 PmJob/reports is one report", file: vnfPmDef, old: reportsOld3, new: reportsNew3},
	{name: "SOL002 PmJob/reports is one report", file: vnfPmVeDef, old: reportsOld3, new: reportsNew3},
	// "Links for this resource", which stand in the report and not in the job.
	{name: "SOL005 PmJob/reports is one report with the links of the job", file: nsPmDef,
		old: reportsOld3[:len(reportsOld3)-len("        properties:\n")] + "          - _links\n        properties:\n",
		new: reportsNew3},
	// As in 3, 4 and 6 of the README, the attribute prevails over the list.
	{name: "SOL003 PerformanceReport requires performanceValue for performanceValues", file: vnfPmDef, old: requiredOld, new: requiredNew},
	{name: "SOL002 PerformanceReport requires performanceValue for performanceValues", file: vnfPmVeDef, old: requiredOld, new: requiredNew},
	{name: "SOL005 PerformanceReport requires performanceValue for performanceValues", file: nsPmDef, old: requiredOld, new: requiredNew},
	{name: "SOL005 PerformanceReport requires performanceValue for value", file: nsPmDef,
		old: "                  - timeStamp\n                  - performanceValue\n", new: "                  - timeStamp\n                  - value\n"},
	// "... shall correspond to the related "Measurement Unit"": it is a number.
	{name: "SOL003 the value of a metric is an object", file: vnfPmDef, old: valueOld3, new: valueNew3},
	{name: "SOL002 the value of a metric is an object", file: vnfPmVeDef, old: valueOld3, new: valueNew3},
	{name: "SOL005 the value of a metric is an object", file: nsPmDef,
		old: "                      7.3 of ETSI GS NFV-IFA 027.\n                    type: object\n", new: "                      7.3 of ETSI GS NFV-IFA 027.\n                    type: number\n"},
	{name: "SOL003 the value that crosses a threshold is an object", file: vnfPmNote,
		old: "          \"Measurement Unit\" as defined in clause 7.2 of ETSI GS NFV-IFA 027.\n        type: object\n", new: "          \"Measurement Unit\" as defined in clause 7.2 of ETSI GS NFV-IFA 027.\n        type: number\n"},
	{name: "SOL005 the value that crosses a threshold is an object", file: nsPmNote,
		old: "          \"Measurement Unit\" as defined in clause 7.2 of ETSI GS NFV-IFA 027.\n        type: object\n", new: "          \"Measurement Unit\" as defined in clause 7.2 of ETSI GS NFV-IFA 027.\n        type: number\n"},
	// "Identifier of the sub-object instance", one.
	{name: "SOL005 PerformanceReport/subObjectInstanceId is a list", file: nsPmDef,
		old: `for the related measured object type. See note.
              type: array
              items:
                $ref: "../../definitions/SOL005_def.yaml#/definitions/IdentifierInNs"
`,
		new: `for the related measured object type. See note.
              $ref: "../../definitions/SOL005_def.yaml#/definitions/IdentifierInNs"
`},
	// "... represented as a floating point number."
	{name: "SOL005 thresholdValue is a whole number", file: nsPmDef,
		old: "              number.               \n            type: integer\n", new: "              number.               \n            type: number\n"},
	{name: "SOL005 hysteresis is a whole number", file: nsPmDef,
		old: "              See note 2.\n            type: integer", new: "              See note 2.\n            type: number"},
}

const (
	reportsOld3 = `          Information about available reports collected by this PM job.
        type: object
        required:
          - href
          - readyTime
        properties:
`
	reportsNew3 = `          Information about available reports collected by this PM job.
        type: array
        items: {type: object, required: [href, readyTime]}
        properties:
`
	requiredOld = "            - performanceMetric\n            - performanceValue\n"
	requiredNew = "            - performanceMetric\n            - performanceValues\n"
	valueOld3   = "                      as defined in clause 7.2. of ETSI GS NFV-IFA 027.\n                    type: object\n"
	valueNew3   = "                      as defined in clause 7.2. of ETSI GS NFV-IFA 027.\n                    type: number\n"
)
