// Package ifa006 holds the data types of the VIM's interfaces as manoward binds
// them to REST: information elements of ETSI GS NFV-IFA 005 (Or-Vi) and IFA 006
// (Vi-Vnfm), for the VIM that produces them and the NFVO, the VNFM and Security
// Managers that consume them. ETSI defines no REST binding for these reference
// points; paths and JSON names are our own, in the style of SOL 013, named after
// the operations and attributes of the two specifications.
//
// The API is {apiRoot}/vim/v1, version 1.0.0:
//
//	GET  /nfvi_pops, /resource_zones                       Query NFVI-PoP / Resource Zone Information
//	GET  /hosts, /hosts/{hostId}                           the compute nodes, with capacity and equipment
//	POST /hosts/{hostId}/stop_use                          StopUseRequest, 202 and Location of a job
//	POST /hosts/{hostId}/release                           ReleaseRequest or no body: lifts quarantine and stop of use, 204
//	GET  /jobs/{jobId}                                     what became of a stop of use
//	GET  /images, POST /images, GET, DELETE /images/{id}   Add, Query, Delete Software Image
//	PUT  /images/{id}/content                              the image's bytes; its checksum is computed from them
//	GET, POST /flavours; GET, DELETE /flavours/{id}        Compute Flavour
//	GET, POST /networks; GET, DELETE /networks/{id}        Virtualised Network
//	GET, POST /ports; GET, PATCH, DELETE /ports/{id}       Virtual Network Port
//	GET, POST /storages; GET, DELETE /storages/{id}        Virtualised Storage; DELETE takes ?erase=true
//	GET, POST /computes; GET /computes/{id}                Allocate, Query Virtualised Compute Resource
//	DELETE /computes/{id}                                  Terminate; takes ?erase=true
//	POST /computes/{id}/operate                            OperateRequest: START, STOP, REBOOT
//	POST /computes/{id}/migrate                            MigrateRequest
//	POST /computes/{id}/scale                              ScaleComputeRequest: another flavour
//	GET, POST /snapshots; GET, DELETE /snapshots/{id}      of one compute with its storages
//	POST /snapshots/{id}/restore                           the compute gets back what it was
//	GET  /alarms, /alarms/{alarmId}                        Get Alarm List: the alarms that are open
//	GET  /measurements, /measurements/{resourceId}         what was measured of computes and ports (IFA 006, 7.7)
//	POST /inventory                                        Inventory: loads PoPs, zones, hosts (operators)
//	POST /events                                           Exercise: one injected change (operators)
//	GET, POST /subscriptions; GET, DELETE /subscriptions/{id}
//
// A creating request names the new resource itself (its "id" attribute): a
// repetition with the same ID and body returns what is there, and with another
// body is 422. So a consumer that was cut off can simply repeat. All calls
// but a stop of use are done when they are answered: 201 with the new resource,
// 200 with the compute after an order about it, else 204. What does not fit now
// is 409, what names something that is not there 422; the text says which.
package ifa006
