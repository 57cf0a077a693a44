package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"bolide.tests/clients/go-shared/expect"
	client "github.com/apache/rocketmq-clients/golang/v5"
)

// Plain messages: what is sent arrives, as it was sent; and filters, which keep some of it away.
func sendCases() []testCase {
	return []testCase{
		{name: "send-sync", body: sendSync},
		{name: "send-async", body: sendAsync},
		{name: "send-with-everything", body: sendEverything},
		{name: "send-many-properties", body: sendManyProperties},
		{name: "send-large-body", body: sendLargeBody},
		{name: "filter-by-tag", body: filterByTag},
		{name: "filter-by-sql", body: filterBySQL},
	}
}

func sendSync(s *scene) {
	topic := s.topic("NORMAL", 4)
	inbox := s.push(s.group(), topic, client.SUB_ALL, succeed)
	receipts := s.sendBodies(topic, numbered("sync", 50)...)
	inbox.AwaitExactly(numbered("sync", 50))
	ids := func() []string {
		ids := []string{}
		for _, one := range inbox.Snapshot() {
			ids = append(ids, one.message.GetMessageId())
		}
		return ids
	}
	sent := []string{}
	for _, receipt := range receipts {
		sent = append(sent, receipt.MessageID)
	}
	expect.Equal("the ids of what was received", expect.Sorted(sent), expect.Sorted(ids()))
}

func sendAsync(s *scene) {
	topic := s.topic("NORMAL", 4)
	inbox := s.push(s.group(), topic, client.SUB_ALL, succeed)
	errors := make(chan error, 100)
	for _, body := range numbered("async", 100) {
		s.producer(topic).SendAsync(context.Background(), newMessage(topic, body), func(_ context.Context, _ []*client.SendReceipt, err error) { errors <- err })
	}
	for range 100 {
		expect.Succeeds("an asynchronous send", <-errors)
	}
	inbox.AwaitExactly(numbered("async", 100))
}

func sendEverything(s *scene) {
	topic := s.topic("NORMAL", 1)
	inbox := s.push(s.group(), topic, client.SUB_ALL, succeed)
	message := newMessage(topic, "plain and ünicode 消息")
	message.SetTag("tag")
	message.SetKeys("key-1", "key-2")
	message.AddProperty("colour", "blue")
	message.AddProperty("größe", "riesig 🦀")
	sentAt := time.Now()
	receipt := s.send(message)[0]
	inbox.AwaitExactly([]string{"plain and ünicode 消息"})
	seen := inbox.Snapshot()[0].message
	expect.Equal("the id", receipt.MessageID, seen.GetMessageId())
	expect.Equal("the topic", topic, seen.GetTopic())
	expect.Equal("the tag", "tag", *seen.GetTag())
	expect.Equal("the keys", []string{"key-1", "key-2"}, seen.GetKeys())
	expect.Equal("the properties", map[string]string{"colour": "blue", "größe": "riesig 🦀"}, seen.GetProperties())
	expect.Equal("the attempt", int32(1), seen.GetDeliveryAttempt())
	expect.Holds("no message group", seen.GetMessageGroup() == nil, seen.GetMessageGroup())
	expect.Holds("no delivery time", seen.GetDeliveryTimestamp() == nil, seen.GetDeliveryTimestamp())
	expect.Holds("the host that it was born on", *seen.GetBornHost() != "", "none")
	expect.Holds("its birth to be now", seen.GetBornTimestamp().Sub(sentAt).Abs() < 10*time.Second, seen.GetBornTimestamp())
}

func sendManyProperties(s *scene) {
	topic := s.topic("NORMAL", 1)
	inbox := s.push(s.group(), topic, client.SUB_ALL, succeed)
	message := newMessage(topic, "many")
	for i := range 120 {
		message.AddProperty(fmt.Sprintf("ключ-%d", i), fmt.Sprintf("значение %s%d", strings.Repeat("ж", 20), i))
	}
	s.send(message)
	inbox.AwaitExactly([]string{"many"})
	expect.Equal("the properties", message.GetProperties(), inbox.Snapshot()[0].message.GetProperties())
}

// sendLargeBody stays below the client's own limit of 2 MiB for a request.
func sendLargeBody(s *scene) {
	topic := s.topic("NORMAL", 1)
	inbox := s.push(s.group(), topic, client.SUB_ALL, succeed)
	body := strings.Repeat("x", 2*1024*1024-4096)
	s.sendBodies(topic, body)
	inbox.AwaitCount(1)
	expect.Holds("the body that was sent", inbox.Bodies()[0] == body, len(inbox.Bodies()[0]))
}

func filterByTag(s *scene) {
	topic := s.topic("NORMAL", 2)
	inbox := s.push(s.group(), topic, client.NewFilterExpression("red || blue"), succeed)
	for _, tag := range []string{"red", "green", "blue", "redder"} {
		for _, body := range numbered(tag, 3) {
			message := newMessage(topic, body)
			message.SetTag(tag)
			s.send(message)
		}
	}
	s.sendBodies(topic, "untagged")
	inbox.AwaitExactly(append(numbered("red", 3), numbered("blue", 3)...))
}

func filterBySQL(s *scene) {
	topic := s.topic("NORMAL", 2)
	filter := client.NewFilterExpressionWithType("size BETWEEN 3 AND 5 AND colour IN ('red', 'blue')", client.SQL92)
	inbox := s.push(s.group(), topic, filter, succeed)
	for size := range 8 {
		for _, colour := range []string{"red", "green"} {
			message := newMessage(topic, fmt.Sprintf("%s-%d", colour, size))
			message.AddProperty("size", fmt.Sprint(size))
			message.AddProperty("colour", colour)
			s.send(message)
		}
	}
	inbox.AwaitExactly([]string{"red-3", "red-4", "red-5"})
}
