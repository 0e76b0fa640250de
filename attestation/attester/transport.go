package attester

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"

	"github.com/manoward/manoward/internal/hub"
)

// answerWithin bounds one command of an emulator. The slowest, an RSA key, takes
// some seconds.
const answerWithin = 30 * time.Second

// maxAnswer bounds what a TPM may answer, in bytes; real ones stay below 4 KiB.
const maxAnswer = 64 << 10

const opOpen = "open TPM"

// dial opens the device at where: the path of a device file, or "swtpm:" before the
// path of a Unix socket or a TCP address.
func dial(where string) (transport.TPMCloser, error) {
	address, emulated := strings.CutPrefix(where, "swtpm:")
	if !emulated {
		return device(where)
	}
	network := "tcp"
	if strings.Contains(address, "/") {
		network = "unix"
	}
	conn, err := net.DialTimeout(network, address, 5*time.Second)
	if err != nil {
		return nil, hub.E(hub.Unavailable, opOpen, fmt.Sprintf("the TPM emulator at %s does not answer; start swtpm, or correct the address", address), err)
	}
	return &socket{conn}, nil
}

func device(path string) (transport.TPMCloser, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, hub.E(hub.Invalid, opOpen, fmt.Sprintf("the TPM %s is not there; name a device like /dev/tpmrm0, or swtpm: and the socket of an emulator", path), err)
	}
	if info.Mode()&os.ModeDevice == 0 {
		return nil, hub.E(hub.Invalid, opOpen, fmt.Sprintf("%s is not a device; name one like /dev/tpmrm0, or swtpm: and the socket of an emulator", path), nil)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, hub.E(hub.Invalid, opOpen, fmt.Sprintf("the TPM %s cannot be opened; let this user read and write it (group tss on most systems), and use the device with rm in its name", path), err)
	}
	return transport.FromReadWriteCloser(file), nil
}

// socket speaks to a TPM over a stream: a command, then its answer, whose length
// stands in its head.
type socket struct{ net.Conn }

// Send implements [transport.TPM].
func (s *socket) Send(command []byte) ([]byte, error) {
	if err := s.SetDeadline(time.Now().Add(answerWithin)); err != nil {
		return nil, err
	}
	if _, err := s.Write(command); err != nil {
		return nil, err
	}
	const head = 10 // tag, length, code
	answer := make([]byte, head)
	if _, err := io.ReadFull(s, answer); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(answer[2:])
	if size < head || size > maxAnswer {
		return nil, errors.New("the answer is not one of a TPM")
	}
	answer = append(answer, make([]byte, size-head)...)
	_, err := io.ReadFull(s, answer[head:])
	return answer, err
}

// patient repeats a command that the TPM did not start: while it tests itself, or
// has something else to do (TPM_RC_RETRY, TPM_RC_YIELDED, TPM_RC_TESTING).
type patient struct{ transport.TPMCloser }

// Send implements [transport.TPM].
func (p patient) Send(command []byte) ([]byte, error) {
	for wait := time.Millisecond; ; wait *= 2 {
		answer, err := p.TPMCloser.Send(command)
		if err != nil || len(answer) < 10 || wait > time.Second {
			return answer, err
		}
		switch tpm2.TPMRC(binary.BigEndian.Uint32(answer[6:])) {
		case tpm2.TPMRCRetry, tpm2.TPMRCYielded, tpm2.TPMRCTesting:
			time.Sleep(wait) // go-tpm's Send has no context to end it with; all waits together are about a second
		default:
			return answer, nil
		}
	}
}
