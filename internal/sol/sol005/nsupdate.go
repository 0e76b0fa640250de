package sol005

import "time"

// UpdateNsRequest is a request to change an NS. updateType says what is asked, and
// the one attribute that belongs to it says of what. addVnfIstance is ETSI's
// spelling.
type UpdateNsRequest struct {
	UpdateType                   string                         `json:"updateType"`
	AddVnfIstance                []VnfInstanceData              `json:"addVnfIstance,omitempty"`
	RemoveVnfInstanceID          []string                       `json:"removeVnfInstanceId,omitempty"`
	InstantiateVnfData           []InstantiateVnfData           `json:"instantiateVnfData,omitempty"`
	TerminateVnfData             []TerminateVnfData             `json:"terminateVnfData,omitempty"`
	ChangeVnfFlavourData         []ChangeVnfFlavourData         `json:"changeVnfFlavourData,omitempty"`
	OperateVnfData               []OperateVnfData               `json:"operateVnfData,omitempty"`
	ModifyVnfInfoData            []ModifyVnfInfoData            `json:"modifyVnfInfoData,omitempty"`
	ChangeExtVnfConnectivityData []ChangeExtVnfConnectivityData `json:"changeExtVnfConnectivityData,omitempty"`
	ChangeVnfPackageData         []ChangeVnfPackageData         `json:"changeVnfPackageData,omitempty"`
	AddSap                       []SapData                      `json:"addSap,omitempty"`
	RemoveSapID                  []string                       `json:"removeSapId,omitempty"`
	AddNestedNsData              []NestedNsInstanceData         `json:"addNestedNsData,omitempty"`
	RemoveNestedNsID             []string                       `json:"removeNestedNsId,omitempty"`
	AssocNewNsdVersionData       *AssocNewNsdVersionData        `json:"assocNewNsdVersionData,omitempty"`
	MoveVnfInstanceData          []MoveVnfInstanceData          `json:"moveVnfInstanceData,omitempty"`
	AddVnffg                     []AddVnffgData                 `json:"addVnffg,omitempty"`
	RemoveVnffgID                []string                       `json:"removeVnffgId,omitempty"`
	UpdateVnffg                  []UpdateVnffgData              `json:"updateVnffg,omitempty"`
	ChangeNsFlavourData          *ChangeNsFlavourData           `json:"changeNsFlavourData,omitempty"`
	AddPnfData                   []AddPnfData                   `json:"addPnfData,omitempty"`
	ModifyPnfData                []ModifyPnfData                `json:"modifyPnfData,omitempty"`
	RemovePnfID                  []string                       `json:"removePnfId,omitempty"`
	ModifyWanConnectionInfoData  []ModifyWanConnectionInfoData  `json:"modifyWanConnectionInfoData,omitempty"`
	UpdateTime                   *time.Time                     `json:"updateTime,omitempty"`
	CreateSnapshotData           *CreateVnfSnapshotData         `json:"createSnapshotData,omitempty"`
	RevertVnfToSnapshotData      *RevertVnfToSnapshotData       `json:"revertVnfToSnapshotData,omitempty"`
	DeleteVnfSnapshotData        *DeleteVnfSnapshotData         `json:"deleteVnfSnapshotData,omitempty"`
	AddNsVirtualLinkData         []AddNsVirtualLinkData         `json:"addNsVirtualLinkData,omitempty"`
	DeleteNsVirtualLinkID        []string                       `json:"deleteNsVirtualLinkId,omitempty"`
}

// MoveVnfInstanceData is a request to move VNFs to another NS.
type MoveVnfInstanceData struct {
	TargetNsInstanceID string   `json:"targetNsInstanceId"`
	VnfInstanceID      []string `json:"vnfInstanceId,omitempty"`
}

// AssocNewNsdVersionData is a request to take a newer version of an NSD as that of
// the NS.
type AssocNewNsdVersionData struct {
	NewNsdID string `json:"newNsdId"`
	Sync     bool   `json:"sync,omitempty"`
}

// ChangeNsFlavourData is a request to take an NS to another flavour of its NSD.
type ChangeNsFlavourData struct {
	NewNsFlavourID       string `json:"newNsFlavourId"`
	InstantiationLevelID string `json:"instantiationLevelId,omitempty"`
}

// AddNsVirtualLinkData is a request to make a virtual link of a profile.
type AddNsVirtualLinkData struct {
	NsVirtualLinkProfileID string `json:"nsVirtualLinkProfileId"`
}
