package main

import (
	"slices"

	"bolide.tests/clients/go-shared/expect"
	"github.com/apache/rocketmq-client-go/v2/admin"
)

// What operators do with the admin client: topics, groups, routes.
func adminCases() []testCase {
	return []testCase{
		{name: "admin-topic", body: adminTopic},
		{name: "admin-groups", body: adminGroups},
		{name: "route", body: route},
	}
}

func adminTopic(s *scene) {
	broker := s.servers.broker()
	topic := s.topic(3)
	expect.Equal("the queues of the new topic", 3, len(s.queues(topic)))
	expect.Holds("the new topic in the name server's list", s.servers.topicListed(topic), "a list without it")

	s.createTopic(topic, 5, broker)
	expect.Eventually("the queues of the changed topic", 5, func() any { return len(s.queues(topic)) })

	ctx, cancel := deadline()
	defer cancel()
	err := s.servers.admin.DeleteTopic(ctx, admin.WithTopicDelete(topic), admin.WithBrokerAddrDelete(s.servers.address(broker)))
	expect.Succeeds("the deletion", err)
	expect.Eventually("the deleted topic in the name server's list", false, func() any { return s.servers.topicListed(topic) })
	expect.Equal("the queues of the deleted topic", 0, len(s.queuesOrNone(topic)))
}

func adminGroups(s *scene) {
	topic := s.topic(1)
	s.push(s.group(), topic, "*")
	expect.Eventually("the broker to list the group", true, func() any {
		return slices.Contains(s.servers.groups(s.servers.broker()), s.group())
	})
}

func route(s *scene) {
	topic := s.createTopic(s.unique("topic"), 3, s.servers.cluster()...)
	perBroker := map[string][]int{}
	for _, queue := range s.queues(topic) {
		perBroker[queue.BrokerName] = append(perBroker[queue.BrokerName], queue.QueueId)
	}
	expected := map[string][]int{}
	for _, broker := range s.servers.cluster() {
		expected[broker] = []int{0, 1, 2}
	}
	expect.Equal("the queues on each broker", expected, perBroker)
}
