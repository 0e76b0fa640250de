package nfvo

import (
	"testing"

	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// A port that is being made has no address. SOL 003 says so by leaving the address
// out; SOL 005 demands one in each element, so the element is left out.
func TestConvert_PortWithoutAddress(t *testing.T) {
	in := sol003.VnfExtCpInfo{ID: "cp", CpdID: "cpd", CpProtocolInfo: []sol003.CpProtocolInfo{{LayerProtocol: "IP_OVER_ETHERNET"}}}
	if out := convert[sol005.VnfExtCpInfo](in); out.ID != "cp" || out.CpProtocolInfo != nil {
		t.Errorf("without an address it is shown as %+v", out)
	}
	in.CpProtocolInfo = append(in.CpProtocolInfo, sol003.CpProtocolInfo{LayerProtocol: "IP_OVER_ETHERNET", IpOverEthernet: &sol003.IpOverEthernetAddressInfo{MacAddress: "fa:16:3e:00:00:01"}})
	if out := convert[sol005.VnfExtCpInfo](in); len(out.CpProtocolInfo) != 1 || out.CpProtocolInfo[0].IpOverEthernet.MacAddress != "fa:16:3e:00:00:01" {
		t.Errorf("with one address it is shown as %+v", out.CpProtocolInfo)
	}
}
