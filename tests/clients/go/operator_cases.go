package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"bolide.tests/clients/go-shared/expect"
	"github.com/apache/rocketmq-client-go/v2/consumer"
)

// What an operator asks of consumers through their broker: what they are doing, to consume a message once more, to go back.
func operatorCases() []testCase {
	return []testCase{
		{name: "operator-sees-what-a-consumer-does", body: consumerSeen},
		{name: "operator-has-a-message-consumed", body: consumedDirectly},
		{name: "operator-resets-offsets-of-a-running-group", body: resetRunning},
	}
}

const (
	getConsumerList        = 38
	resetOffset            = 222
	getConsumerRunningInfo = 307
	consumeDirectly        = 309
)

// askBroker asks the ordinary broker and expects success.
func (s *scene) askBroker(what string, code int, fields map[string]string) string {
	answer, body, err := ask(s.servers.address(s.servers.broker()), code, fields)
	expect.Succeeds(what, err)
	expect.Equal("the answer to "+what+" ("+answer.Remark+")", answerSuccess, answer.Code)
	return string(body)
}

// onlyMember returns the client id of a group's only member.
func (s *scene) onlyMember(group string) string {
	var list struct {
		ConsumerIDList []string `json:"consumerIdList"`
	}
	expect.Eventually("the members of "+group, 1, func() any {
		answer, body, err := ask(s.servers.address(s.servers.broker()), getConsumerList, map[string]string{"consumerGroup": group})
		if err != nil || answer.Code != answerSuccess || json.Unmarshal(body, &list) != nil {
			return fmt.Sprint(answer.Remark, err)
		}
		return len(list.ConsumerIDList)
	})
	return list.ConsumerIDList[0]
}

func consumerSeen(s *scene) {
	topic := s.topic(1)
	s.push(s.group(), topic, "red")
	fields := map[string]string{"consumerGroup": s.group(), "clientId": s.onlyMember(s.group()), "jstackEnable": "true"}
	info := s.askBroker("running info", getConsumerRunningInfo, fields)
	for _, expected := range []string{topic, "red", "goroutine"} {
		expect.Holds(expected+" in what the consumer says of itself", strings.Contains(info, expected), info)
	}
}

func consumedDirectly(s *scene) {
	topic := s.topic(1)
	_, inbox := s.push(s.group(), topic, "*")
	results := s.send(topic, "once", "more")
	inbox.AwaitExactly([]string{"once", "more"})
	fields := map[string]string{
		"consumerGroup": s.group(), "clientId": s.onlyMember(s.group()),
		"brokerName": s.servers.broker(), "msgId": results["more"].OffsetMsgID, "topic": topic,
	}
	said := s.askBroker("direct consumption", consumeDirectly, fields)
	// Go's client gives results numbers where Java's gives them names; success is the first.
	expect.Holds("success", strings.Contains(said, `"consumeResult":0`), said)
	inbox.AwaitExactly([]string{"once", "more", "more"})
}

func resetRunning(s *scene) {
	topic := s.topic(1)
	reading, inbox := s.push(s.group(), topic, "*", consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset))
	s.send(topic, numbered("body", 4)...)
	inbox.AwaitExactly(numbered("body", 4))
	s.awaitDone(reading, topic)
	s.awaitStored(s.group(), topic, 4)
	s.askBroker("a reset", resetOffset, map[string]string{
		"topic": topic, "group": s.group(), "timestamp": "0", "isForce": "true", "queueId": "-1", "offset": "-1",
	})
	inbox.AwaitExactly(append(numbered("body", 4), numbered("body", 4)...))
	s.awaitDone(reading, topic)
	s.awaitStored(s.group(), topic, 4)
}
