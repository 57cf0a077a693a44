package main

import (
	"fmt"
	"slices"
	"strings"

	"bolide.tests/clients/go-shared/expect"
	"github.com/apache/rocketmq-client-go/v2/consumer"
)

// Push consumers: alone and in groups, clustering and broadcasting, orderly, and with tag expressions.
func pushCases() []testCase {
	return []testCase{
		{name: "push-clustering", body: clustering},
		{name: "push-broadcasting", body: broadcasting},
		{name: "push-orderly", body: orderly},
		{name: "push-creates-group", body: createsGroup},
		{name: "tag-expression", body: tagExpression},
		{name: "tag-hash-collision", body: tagHashCollision},
	}
}

func clustering(s *scene) {
	topic := s.topic(4)
	_, first := s.push(s.group(), topic, "*")
	_, second := s.push(s.group(), topic, "*")
	s.awaitDivision(topic, []*inbox{first, second}, 2, 2)
	bodies := numbered("shared", 40)
	s.send(topic, bodies...)
	shared := func(one *inbox) []string {
		return slices.DeleteFunc(one.Bodies(), func(body string) bool { return !strings.HasPrefix(body, "shared") })
	}
	expect.Eventually("each message at exactly one member", expect.Sorted(bodies), func() any {
		return expect.Sorted(append(shared(first), shared(second)...))
	})
	expect.Equal("the share of a member with half of the queues", 20, len(shared(first)))
}

func broadcasting(s *scene) {
	topic := s.topic(4)
	bodies := numbered("all", 12)
	s.send(topic, bodies[:6]...)
	_, first := s.push(s.group(), topic, "*", consumer.WithConsumerModel(consumer.BroadCasting))
	_, second := s.push(s.group(), topic, "*", consumer.WithConsumerModel(consumer.BroadCasting))
	s.send(topic, bodies[6:]...)
	first.AwaitExactly(bodies)
	second.AwaitExactly(bodies)
}

// orderly has one member: of two, this client's second may never get the lock of a queue that the first gave up.
func orderly(s *scene) {
	topic := s.topic(4)
	_, inbox := s.push(s.group(), topic, "*", consumer.WithConsumerOrder(true))
	expected := map[int][]string{}
	queues := s.queues(topic)
	for i := range 40 {
		queue := queues[i%len(queues)]
		body := fmt.Sprintf("step-%d", i)
		_, err := s.sendTo(queue, newMessage(topic, body))
		expect.Succeeds("the send", err)
		expected[queue.QueueId] = append(expected[queue.QueueId], body)
	}
	inbox.AwaitExactly(numbered("step", 40))
	seen := map[int][]string{}
	for _, one := range inbox.Snapshot() {
		seen[one.queueID] = append(seen[one.queueID], one.body)
	}
	expect.Equal("the order in each queue", expected, seen)
}

func createsGroup(s *scene) {
	topic := s.topic(2)
	_, inbox := s.push(s.group(), topic, "*")
	s.send(topic, "hello")
	inbox.AwaitExactly([]string{"hello"})
	expect.Eventually("the broker to list the group", true, func() any {
		return slices.Contains(s.servers.groups(s.servers.broker()), s.group())
	})
}

func tagExpression(s *scene) {
	topic := s.topic(1)
	_, inbox := s.push(s.group(), topic, "red || green", consumer.WithConsumeGoroutineNums(1))
	for i, tag := range []string{"red", "blue", "green", "", "redgreen", "red"} {
		sendTagged(s, topic, tag, fmt.Sprint(i))
	}
	inbox.AwaitExactly([]string{"0", "2", "5"})
}

// tagHashCollision: queues hold only the hash of a tag; "Aa" and "BB" have the same, and the client tells them apart.
func tagHashCollision(s *scene) {
	topic := s.topic(1)
	_, inbox := s.push(s.group(), topic, "Aa")
	for i, tag := range []string{"Aa", "BB", "Aa"} {
		sendTagged(s, topic, tag, fmt.Sprint(i))
	}
	inbox.AwaitExactly([]string{"0", "2"})
}

func sendTagged(s *scene, topic, tag, body string) {
	message := newMessage(topic, body)
	if tag != "" {
		message.WithTag(tag)
	}
	_, err := s.trySend(message)
	expect.Succeeds("the send", err)
}
