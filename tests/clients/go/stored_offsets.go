package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// What a broker has stored of a group. The client itself commits offsets one way and offers no question for them, so a case
// that goes on from a commit asks here whether it has arrived.

const (
	queryConsumerOffset = 14
	answerSuccess       = 0
	answerLimitBytes    = 1 << 20
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

// awaitStored waits until the brokers have stored that a group is done with this many messages of a topic.
func (s *scene) awaitStored(group, topic string, messages int64) {
	eventually("the messages of "+topic+" that are stored as done", messages, func() any {
		done := int64(0)
		for _, queue := range s.queues(topic) {
			offset, err := storedOffset(s.servers.address(queue.BrokerName), group, topic, queue.QueueId)
			if err != nil {
				return err.Error()
			}
			done += offset
		}
		return done
	})
}

// storedOffset asks on a connection of its own. A queue without a stored offset counts as 0.
func storedOffset(address, group, topic string, queue int) (int64, error) {
	conn, err := net.DialTimeout("tcp", address, call)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(15 * time.Second)); err != nil {
		return 0, err
	}
	fields := map[string]string{
		"consumerGroup": group, "topic": topic, "queueId": strconv.Itoa(queue), "setZeroIfNotFound": "false",
	}
	if err := writeHeader(conn, remotingHeader{Code: queryConsumerOffset, Language: "GO", Opaque: 1, Version: 317, ExtFields: fields}); err != nil {
		return 0, err
	}
	answer, err := readHeader(conn)
	if err != nil || answer.Code != answerSuccess {
		return 0, err
	}
	return strconv.ParseInt(answer.ExtFields["offset"], 10, 64)
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

func readHeader(conn io.Reader) (remotingHeader, error) {
	var header remotingHeader
	var lengths [8]byte
	if _, err := io.ReadFull(conn, lengths[:]); err != nil {
		return header, err
	}
	frameBytes, headerBytes := binary.BigEndian.Uint32(lengths[:4]), binary.BigEndian.Uint32(lengths[4:])&0xff_ffff
	if frameBytes > answerLimitBytes || headerBytes+4 > frameBytes {
		return header, fmt.Errorf("an answer of %d bytes with a header of %d", frameBytes, headerBytes)
	}
	frame := make([]byte, frameBytes-4)
	if _, err := io.ReadFull(conn, frame); err != nil {
		return header, err
	}
	return header, json.Unmarshal(frame[:headerBytes], &header)
}
