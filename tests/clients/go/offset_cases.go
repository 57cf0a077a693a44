package main

import (
	"slices"

	"bolide.tests/clients/go-shared/expect"
)

// Offsets and messages outlive their clients and their broker.
func offsetCases() []testCase {
	return []testCase{
		{name: "clients-go-on-after-a-broker-restart", body: liveRestart, restarts: true},
		{name: "offsets-kept-over-a-broker-restart", body: brokerRestart, restarts: true},
		{name: "offsets-kept-over-a-client-restart", body: clientRestart},
	}
}

func clientRestart(s *scene) {
	topic := s.topic(1)
	first, before := s.push(s.group(), topic, "*")
	s.send(topic, numbered("before", 6)...)
	before.AwaitExactly(numbered("before", 6))
	s.awaitDone(first, topic)
	expect.Succeeds("leaving", first.Shutdown())
	s.awaitStored(s.group(), topic, 6)
	s.send(topic, numbered("between", 4)...)
	_, after := s.push(s.group(), topic, "*")
	after.AwaitExactly(numbered("between", 4))
}

func brokerRestart(s *scene) {
	s.withRestartableBroker(func(broker string) {
		topic := s.createTopic(s.unique("topic"), 1, broker)
		first, before := s.push(s.group(), topic, "*")
		results := s.send(topic, numbered("before", 6)...)
		before.AwaitExactly(numbered("before", 6))
		s.awaitDone(first, topic)
		expect.Succeeds("leaving", first.Shutdown())
		s.awaitStored(s.group(), topic, 6)
		s.restartBroker(topic)
		expectStored(s, topic, results)
		_, after := s.push(s.group(), topic, "*")
		expect.EventuallySucceeds("a send after the restart", func() error {
			_, err := s.trySend(newMessage(topic, "after"))
			return err
		})
		after.AwaitAll([]string{"after"})
		expect.Equal("only messages from after the restart, each body", []string{"after"}, slices.Compact(after.Bodies()))
	})
}

// liveRestart has a producer and a consumer that know nothing of the restart and reconnect by themselves.
func liveRestart(s *scene) {
	s.withRestartableBroker(func(broker string) {
		topic := s.createTopic(s.unique("topic"), 1, broker)
		_, inbox := s.push(s.group(), topic, "*")
		results := s.send(topic, numbered("before", 3)...)
		inbox.AwaitAll(numbered("before", 3))
		expect.Equal("the last offset before the restart", int64(2), results["before-2"].QueueOffset)
		s.restartBroker(topic)
		var offset int64
		expect.EventuallySucceeds("a send after the restart", func() error {
			result, err := s.trySend(newMessage(topic, "after"))
			if err == nil {
				offset = result.QueueOffset
			}
			return err
		})
		expect.Holds("offsets to go on after 2", offset > 2, offset)
		inbox.AwaitAll([]string{"after"})
	})
}
