package main

import (
	"context"
	"maps"
	"slices"
	"sync"

	"bolide.tests/clients/go-shared/expect"
	"bolide.tests/clients/go-shared/program"
	"github.com/apache/rocketmq-client-go/v2/admin"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// servers are the servers under test.
type servers struct {
	options *options
	admin   admin.Admin
	// restarts makes the cases that restart the one restartable broker take turns.
	restarts sync.Mutex
}

func newServers(o *options) *servers {
	return &servers{options: o, admin: newAdmin(o)}
}

func newAdmin(o *options) admin.Admin {
	created, err := admin.NewAdmin(admin.WithResolver(primitive.NewPassthroughResolver([]string{o.nameServer})))
	program.Check(err)
	return created
}

// cluster returns the names of the cluster's brokers.
func (s *servers) cluster() []string {
	names := slices.Sorted(maps.Keys(s.options.brokers))
	return slices.DeleteFunc(names, func(name string) bool { return name == s.options.restartable })
}

// broker returns the broker that cases use unless they need another.
func (s *servers) broker() string {
	for _, name := range s.cluster() {
		if name != s.options.cold {
			return name
		}
	}
	panic(expect.Failure{Text: "expected a broker beside the cold one, saw none"})
}

// withLightQueues returns the cluster's other broker, which has light queues.
func (s *servers) withLightQueues() string {
	names := s.cluster()
	return names[slices.IndexFunc(names, func(name string) bool { return name != s.broker() })]
}

func (s *servers) address(broker string) string { return s.options.brokers[broker] }

func deadline() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), expect.Call)
}

// topicListed tells whether the name server lists a topic.
func (s *servers) topicListed(topic string) bool {
	ctx, cancel := deadline()
	defer cancel()
	list, err := s.admin.FetchAllTopicList(ctx)
	expect.Succeeds("the list of topics", err)
	return slices.Contains(list.TopicList, topic)
}

// groups returns the names of the groups that a broker knows.
func (s *servers) groups(broker string) []string {
	ctx, cancel := deadline()
	defer cancel()
	list, err := s.admin.GetAllSubscriptionGroup(ctx, s.address(broker), expect.Call)
	expect.Succeeds("the list of groups", err)
	return slices.Sorted(maps.Keys(list.SubscriptionGroupTable))
}
