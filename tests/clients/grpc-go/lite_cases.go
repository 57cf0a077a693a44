package main

import (
	"strings"
	"time"

	"bolide.tests/clients/go-shared/expect"
	client "github.com/apache/rocketmq-clients/golang/v5"
)

// Many small topics under one parent, to which consumers subscribe one by one.
func liteCases() []testCase {
	return []testCase{
		{name: "lite-retry", body: liteRetry, needs: liteTopics},
		{name: "lite-subscriptions", body: liteSubscriptions, needs: liteTopics},
	}
}

// lite starts a consumer of lite topics whose messages go to the returned inbox and then to the listener.
func (s *scene) lite(parent string, listener func(*client.MessageView) client.ConsumerResult) (client.LitePushConsumer, *inbox) {
	group := s.unique("group")
	expect.Succeeds("the creation of "+group, createLiteGroup(s.address(s.broker).remoting, group, parent))
	collected := &inbox{}
	created, err := client.NewLitePushConsumer(s.config(group), client.NewLitePushConsumerConfig(parent, 30*time.Second),
		client.WithPushAwaitDuration(5*time.Second), client.WithPushConsumptionThreadCount(4),
		client.WithPushMessageListener(&client.FuncMessageListener{Consume: func(message *client.MessageView) client.ConsumerResult {
			collected.add(message)
			return listener(message)
		}}))
	expect.Succeeds("a new lite push consumer", err)
	expect.Succeeds("the lite push consumer's start", created.Start())
	s.closing(created.GracefulStop)
	return created, collected
}

func newLiteMessage(parent, liteTopic, body string) *client.Message {
	message := newMessage(parent, body)
	message.SetLiteTopic(liteTopic)
	return message
}

func liteSubscriptions(s *scene) {
	parent := s.topic("LITE", 4)
	consumer, inbox := s.lite(parent, succeed)
	rooms := []string{"red", "green"}
	for _, room := range rooms {
		expect.Succeeds("a subscription to "+room, consumer.SubscribeLite(room))
	}
	all := []string{}
	for _, room := range rooms {
		for _, body := range numbered(room, 10) {
			s.send(newLiteMessage(parent, room, body))
			all = append(all, body)
		}
	}
	s.send(newLiteMessage(parent, "grey", "nobody's"))
	inbox.AwaitExactly(all)
	for _, room := range rooms {
		seen := []string{}
		for _, one := range inbox.Snapshot() {
			if strings.HasPrefix(one.body, room) {
				seen = append(seen, one.body)
				expect.Equal("the lite topic", room, one.message.GetLiteTopic())
			}
		}
		expect.Equal("the order in "+room, numbered(room, 10), seen)
	}
	expect.Succeeds("the end of a subscription", consumer.UnSubscribeLite("red"))
	s.send(newLiteMessage(parent, "red", "red-late"), newLiteMessage(parent, "green", "green-late"))
	inbox.AwaitExactly(append(all, "green-late"))
}

func liteRetry(s *scene) {
	parent := s.topic("LITE", 1)
	consumer, inbox := s.lite(parent, failing("two", 2))
	expect.Succeeds("a subscription", consumer.SubscribeLite("room"))
	for _, body := range []string{"one", "two"} {
		s.send(newLiteMessage(parent, "room", body))
	}
	inbox.AwaitInOrder([]string{"one", "two", "two", "two"})
	expect.Equal("the attempts", []int32{1, 2, 3}, inbox.attempts("two"))
}
