package main

import (
	"context"
	"strings"

	"bolide.tests/clients/go-shared/expect"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// What users of a shared cluster set: a namespace, keys, traces.
func tenantCases() []testCase {
	return []testCase{
		{name: "namespace", body: namespace},
		{name: "trace", body: trace},
		{name: "signed-requests", body: signedRequests},
	}
}

// namespace: the client puts it before the names of topics and groups.
func namespace(s *scene) {
	topic := s.unique("topic")
	space := "MQ_INST_1234567890_AbCdEf01"
	stored := s.createTopic(space+"%"+topic, 1, s.servers.broker())
	_, inbox := s.push(s.group(), topic, "*", consumer.WithNamespace(space))
	sender := s.newProducer(producer.WithNamespace(space))
	ctx, cancel := deadline()
	defer cancel()
	_, err := sender.SendSync(ctx, newMessage(topic, "mine"))
	expect.Succeeds("the send", err)
	inbox.AwaitExactly([]string{"mine"})
	expect.Equal("what the broker's topic holds", "mine", string(s.storedFirst(stored).Body))
	s.awaitStored(space+"%"+s.group(), stored, 1)
}

// trace: what producer and consumer note of a message lies in a topic.
func trace(s *scene) {
	topic := s.topic(1)
	traces := s.createTopic(s.unique("traces"), 1, s.servers.broker())
	config := func(part string) *primitive.TraceConfig {
		return &primitive.TraceConfig{TraceTopic: traces, GroupName: s.unique(part), NamesrvAddrs: []string{s.options.nameServer}}
	}
	_, inbox := s.push(s.group(), topic, "*", consumer.WithTrace(config("consuming")))
	sender := s.newProducer(producer.WithTrace(config("producing")))
	ctx, cancel := deadline()
	defer cancel()
	result, err := sender.SendSync(ctx, newMessage(topic, "traced").WithKeys([]string{"a-key"}))
	expect.Succeeds("the send", err)
	inbox.AwaitExactly([]string{"traced"})
	_, notes := s.push(s.unique("reader"), traces, "*")
	for _, kind := range []string{"Pub", "SubBefore", "SubAfter"} {
		expect.Eventually("a note "+kind+" of "+result.MsgID, true, func() any {
			for _, one := range notes.Bodies() {
				if strings.Contains(one, kind) && strings.Contains(one, result.MsgID) {
					return true
				}
			}
			return notes.Bodies()
		})
	}
}

// signedRequests: while nothing authenticates clients, keys and signatures are not looked at.
func signedRequests(s *scene) {
	topic := s.topic(1)
	keys := primitive.Credentials{AccessKey: "key", SecretKey: "secret"}
	_, inbox := s.push(s.group(), topic, "*", consumer.WithCredentials(keys))
	_, err := s.newProducer(producer.WithCredentials(keys)).SendSync(context.Background(), newMessage(topic, "signed"))
	expect.Succeeds("the send", err)
	inbox.AwaitExactly([]string{"signed"})
}
