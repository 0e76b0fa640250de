package sol005

// The values of UpdateNsRequest.updateType. The official OpenAPI file of V3.7.1
// writes "ADD SAP" with a blank; V4.3.1 has it right.
const (
	UpdateAddVnf                        = "ADD_VNF"
	UpdateRemoveVnf                     = "REMOVE_VNF"
	UpdateInstantiateVnf                = "INSTANTIATE_VNF"
	UpdateChangeVnfDf                   = "CHANGE_VNF_DF"
	UpdateOperateVnf                    = "OPERATE_VNF"
	UpdateModifyVnfInformation          = "MODIFY_VNF_INFORMATION"
	UpdateChangeExternalVnfConnectivity = "CHANGE_EXTERNAL_VNF_CONNECTIVITY"
	UpdateChangeVnfpkg                  = "CHANGE_VNFPKG"
	UpdateAddSap                        = "ADD_SAP"
	UpdateRemoveSap                     = "REMOVE_SAP"
	UpdateAddNestedNs                   = "ADD_NESTED_NS"
	UpdateRemoveNestedNs                = "REMOVE_NESTED_NS"
	UpdateAssocNewNsdVersion            = "ASSOC_NEW_NSD_VERSION"
	UpdateMoveVnf                       = "MOVE_VNF"
	UpdateAddVnffg                      = "ADD_VNFFG"
	UpdateRemoveVnffg                   = "REMOVE_VNFFG"
	UpdateUpdateVnffg                   = "UPDATE_VNFFG"
	UpdateChangeNsDf                    = "CHANGE_NS_DF"
	UpdateAddPnf                        = "ADD_PNF"
	UpdateModifyPnf                     = "MODIFY_PNF"
	UpdateRemovePnf                     = "REMOVE_PNF"
	UpdateCreateVnfSnapshot             = "CREATE_VNF_SNAPSHOT"
	UpdateRevertVnfToSnapshot           = "REVERT_VNF_TO_SNAPSHOT"
	UpdateDeleteVnfSnapshotInfo         = "DELETE_VNF_SNAPSHOT_INFO"
	UpdateModifyWanConnectionInfo       = "MODIFY_WAN_CONNECTION_INFO"
	UpdateCreateNsVirtualLink           = "CREATE_NS_VIRTUAL_LINK"
	UpdateDeleteNsVirtualLink           = "DELETE_NS_VIRTUAL_LINK"
)

// UpdateTypes lists the values of UpdateNsRequest.updateType in their order.
func UpdateTypes() []string {
	return []string{
		UpdateAddVnf, UpdateRemoveVnf, UpdateInstantiateVnf, UpdateChangeVnfDf, UpdateOperateVnf,
		UpdateModifyVnfInformation, UpdateChangeExternalVnfConnectivity, UpdateChangeVnfpkg, UpdateAddSap,
		UpdateRemoveSap, UpdateAddNestedNs, UpdateRemoveNestedNs, UpdateAssocNewNsdVersion, UpdateMoveVnf,
		UpdateAddVnffg, UpdateRemoveVnffg, UpdateUpdateVnffg, UpdateChangeNsDf, UpdateAddPnf, UpdateModifyPnf,
		UpdateRemovePnf, UpdateCreateVnfSnapshot, UpdateRevertVnfToSnapshot, UpdateDeleteVnfSnapshotInfo,
		UpdateModifyWanConnectionInfo, UpdateCreateNsVirtualLink, UpdateDeleteNsVirtualLink,
	}
}
