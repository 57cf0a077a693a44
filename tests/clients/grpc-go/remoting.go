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

// Codes of the remoting protocol, in which topics and groups are administered: gRPC has no calls for that yet.
const (
	updateAndCreateTopic = 17
	getMaxOffset         = 30
	getRouteByTopic      = 105
	updateAndCreateGroup = 200
)

type command struct {
	Code      int               `json:"code"`
	Language  string            `json:"language"`
	Version   int               `json:"version"`
	Opaque    int               `json:"opaque"`
	Flag      int               `json:"flag"`
	Remark    string            `json:"remark,omitempty"`
	ExtFields map[string]string `json:"extFields,omitempty"`
}

// call sends one request over a connection of its own and returns the answer's fields, or the refusal.
func call(address string, code int, fields map[string]string, body []byte) (map[string]string, error) {
	connection, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return nil, err
	}
	defer func() { _ = connection.Close() }()
	if err := connection.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return nil, err
	}
	header, err := json.Marshal(command{Code: code, Language: "GO", Version: 500, Opaque: 1, ExtFields: fields})
	if err != nil {
		return nil, err
	}
	frame := binary.BigEndian.AppendUint32(nil, uint32(4+len(header)+len(body)))
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(header)))
	frame = append(append(frame, header...), body...)
	if _, err := connection.Write(frame); err != nil {
		return nil, err
	}
	var sizes [8]byte
	if _, err := io.ReadFull(connection, sizes[:]); err != nil {
		return nil, err
	}
	// The header's length has its encoding in the highest byte: 0, JSON.
	answer := make([]byte, binary.BigEndian.Uint32(sizes[4:]))
	if _, err := io.ReadFull(connection, answer); err != nil {
		return nil, err
	}
	var read command
	if err := json.Unmarshal(answer, &read); err != nil {
		return nil, err
	}
	if read.Code != 0 {
		return nil, fmt.Errorf("code %d: %s", read.Code, read.Remark)
	}
	return read.ExtFields, nil
}

// createTopic creates a topic for messages of this type with this many queues.
func createTopic(broker, topic, messageType string, queues int) error {
	count := strconv.Itoa(queues)
	_, err := call(broker, updateAndCreateTopic, map[string]string{
		"topic": topic, "defaultTopic": "TBW102", "readQueueNums": count, "writeQueueNums": count, "perm": "6",
		"topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false", "attributes": "+message.type=" + messageType,
	}, nil)
	return err
}

// createGroup creates a group whose failed messages come again after a second, at most `retries` times.
func createGroup(broker, group string, orderly bool, retries int) error {
	body, err := json.Marshal(map[string]any{
		"groupName": group, "consumeEnable": true, "consumeMessageOrderly": orderly, "retryMaxTimes": retries, "retryQueueNums": 1,
		"groupRetryPolicy": map[string]any{"type": "CUSTOMIZED", "customizedRetryPolicy": map[string]any{"next": []int{1000}}},
	})
	if err != nil {
		return err
	}
	_, err = call(broker, updateAndCreateGroup, nil, body)
	return err
}

// createLiteGroup creates a group that consumes lite topics of this parent.
func createLiteGroup(broker, group, parent string) error {
	body, err := json.Marshal(map[string]any{
		"groupName": group, "consumeEnable": true, "attributes": map[string]string{"+lite.bind.topic": parent},
		"groupRetryPolicy": map[string]any{"type": "CUSTOMIZED", "customizedRetryPolicy": map[string]any{"next": []int{1000}}},
	})
	if err != nil {
		return err
	}
	_, err = call(broker, updateAndCreateGroup, nil, body)
	return err
}

// routed tells whether the name server knows a topic.
func routed(nameServer, topic string) error {
	_, err := call(nameServer, getRouteByTopic, map[string]string{"topic": topic}, nil)
	return err
}

// deadLetters returns how many messages a group has given up.
func deadLetters(broker, group string) (string, error) {
	return maxOffset(broker, "%DLQ%"+group, 0)
}

// maxOffset returns the end of a queue.
func maxOffset(broker, topic string, queue int) (string, error) {
	fields, err := call(broker, getMaxOffset, map[string]string{"topic": topic, "queueId": strconv.Itoa(queue)}, nil)
	return fields["offset"], err
}
