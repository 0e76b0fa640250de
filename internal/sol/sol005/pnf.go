package sol005

// PnfInfo is the data type of that name in SOL005 V3.7.1.
type PnfInfo struct {
	PnfID        string        `json:"pnfId"`
	PnfName      string        `json:"pnfName,omitempty"`
	PnfdID       string        `json:"pnfdId"`
	PnfdInfoID   string        `json:"pnfdInfoId"`
	PnfProfileID string        `json:"pnfProfileId"`
	CpInfo       *PnfExtCpInfo `json:"cpInfo,omitempty"`
}

// PnfExtCpInfo is the data type of that name in SOL005 V3.7.1.
type PnfExtCpInfo struct {
	CpInstanceID   string           `json:"cpInstanceId"`
	CpdID          string           `json:"cpdId"`
	CpProtocolData []CpProtocolData `json:"cpProtocolData,omitempty"`
}

// AddPnfData is the data type of that name in SOL005 V3.7.1.
type AddPnfData struct {
	PnfID        string         `json:"pnfId"`
	PnfName      string         `json:"pnfName"`
	PnfdID       string         `json:"pnfdId"`
	PnfProfileID string         `json:"pnfProfileId"`
	CpData       []PnfExtCpData `json:"cpData,omitempty"`
}

// ModifyPnfData is the data type of that name in SOL005 V3.7.1.
type ModifyPnfData struct {
	PnfID   string         `json:"pnfId"`
	PnfName string         `json:"pnfName,omitempty"`
	CpData  []PnfExtCpData `json:"cpData,omitempty"`
}

// PnfExtCpData is the data type of that name in SOL005 V3.7.1.
type PnfExtCpData struct {
	CpInstanceID   string           `json:"cpInstanceId,omitempty"`
	CpdID          string           `json:"cpdId,omitempty"`
	CpProtocolData []CpProtocolData `json:"cpProtocolData"`
}
