package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"time"

	"bolide.tests/clients/go-shared/expect"
)

// Questions that the client itself has no words for, put to a broker in the bare protocol.

const (
	answerSuccess    = 0
	answerLimitBytes = 1 << 20
)

type remotingHeader struct {
	Code      int               `json:"code"`
	Flag      int               `json:"flag"`
	Language  string            `json:"language"`
	Opaque    int               `json:"opaque"`
	Version   int               `json:"version"`
	Remark    string            `json:"remark"`
	ExtFields map[string]string `json:"extFields"`
}

// ask puts one question on a connection of its own and returns the answer with its body.
func ask(address string, code int, fields map[string]string) (remotingHeader, []byte, error) {
	conn, err := net.DialTimeout("tcp", address, expect.Call)
	if err != nil {
		return remotingHeader{}, nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(15 * time.Second)); err != nil {
		return remotingHeader{}, nil, err
	}
	if err := writeHeader(conn, remotingHeader{Code: code, Language: "GO", Opaque: 1, Version: 317, ExtFields: fields}); err != nil {
		return remotingHeader{}, nil, err
	}
	return readAnswer(conn)
}

// writeHeader writes a frame without a body: its length, the header's length (type JSON is 0 in the upper byte), the header.
func writeHeader(conn io.Writer, header remotingHeader) error {
	encoded, err := json.Marshal(header)
	if err != nil {
		return err
	}
	frame := binary.BigEndian.AppendUint32(nil, uint32(4+len(encoded)))
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(encoded)))
	_, err = conn.Write(append(frame, encoded...))
	return err
}

func readAnswer(conn io.Reader) (remotingHeader, []byte, error) {
	var header remotingHeader
	var lengths [8]byte
	if _, err := io.ReadFull(conn, lengths[:]); err != nil {
		return header, nil, err
	}
	frameBytes, headerBytes := binary.BigEndian.Uint32(lengths[:4]), binary.BigEndian.Uint32(lengths[4:])&0xff_ffff
	if frameBytes > answerLimitBytes || headerBytes+4 > frameBytes {
		return header, nil, fmt.Errorf("an answer of %d bytes with a header of %d", frameBytes, headerBytes)
	}
	frame := make([]byte, frameBytes-4)
	if _, err := io.ReadFull(conn, frame); err != nil {
		return header, nil, err
	}
	return header, frame[headerBytes:], json.Unmarshal(frame[:headerBytes], &header)
}
