package main

import (
	"bolide.tests/clients/go-shared/expect"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// Light queues: a message is in as many of them as it names, beside its topic, and nobody creates them.
func lightQueueCases() []testCase {
	return []testCase{
		{name: "light-queues", body: lightQueues},
	}
}

func lightQueues(s *scene) {
	broker := s.servers.withLightQueues()
	topic := s.createTopic(s.unique("topic"), 1, broker)
	first := &primitive.MessageQueue{Topic: "%LMQ%" + s.unique("first"), BrokerName: broker}
	second := &primitive.MessageQueue{Topic: "%LMQ%" + s.unique("second"), BrokerName: broker}
	// Light queues have no route: this client knows the broker by the topic that it subscribes to.
	reader := s.pull(s.group(), topic, "*")
	for body, queues := range map[string]string{"for both": first.Topic + "," + second.Topic, "for none": ""} {
		message := newMessage(topic, body)
		if queues != "" {
			message.WithProperty("INNER_MULTI_DISPATCH", queues)
		}
		result, err := s.trySend(message)
		expect.Succeeds("sending "+body, err)
		s.stored(reader, result)
	}
	for _, queue := range []*primitive.MessageQueue{first, second} {
		ctx, cancel := deadline()
		defer cancel()
		result, err := reader.PullFrom(ctx, queue, 0, 32)
		expect.Succeeds("the pull of "+queue.Topic, err)
		expect.Equal("the messages of "+queue.Topic, []string{"for both"}, bodiesOf(result.GetMessageExts()))
		expect.Equal("where it goes on", int64(1), result.NextBeginOffset)
	}
}
