package main

import (
	"strings"
	"sync/atomic"
	"time"

	"bolide.tests/clients/go-shared/expect"
	client "github.com/apache/rocketmq-clients/golang/v5"
)

// Consumers that messages come to: in any order or by message group, again when they fail, and never again when all is
// in vain.
func pushCases() []testCase {
	return []testCase{
		{name: "push-dead-letter", body: pushDeadLetter},
		{name: "push-fifo-dead-letter", body: pushFIFODeadLetter},
		{name: "push-retry", body: pushRetry},
		{name: "push-fifo-retry", body: pushFIFORetry},
		{name: "push-fifo", body: pushFIFO},
		{name: "push-shared", body: pushShared},
	}
}

// failing fails each message with this body, the first `times` times.
func failing(body string, times int64) func(*client.MessageView) client.ConsumerResult {
	var seen atomic.Int64
	return func(message *client.MessageView) client.ConsumerResult {
		if string(message.GetBody()) == body && seen.Add(1) <= times {
			return client.FAILURE
		}
		return client.SUCCESS
	}
}

func pushRetry(s *scene) {
	topic := s.topic("NORMAL", 1)
	inbox := s.push(s.group(), topic, client.SUB_ALL, failing("again", 2))
	message := newMessage(topic, "again")
	message.SetTag("tag")
	message.SetKeys("key")
	message.AddProperty("mine", "value")
	s.send(message, newMessage(topic, "once"))
	inbox.AwaitExactly([]string{"again", "again", "again", "once"})
	expect.Equal("the attempts", []int32{1, 2, 3}, inbox.attempts("again"))
	tries := inbox.Of("again")
	last := tries[2].message
	expect.Equal("the id", tries[0].message.GetMessageId(), last.GetMessageId())
	expect.Equal("the topic", topic, last.GetTopic())
	expect.Equal("the tag", "tag", *last.GetTag())
	expect.Equal("the keys", []string{"key"}, last.GetKeys())
	expect.Equal("the properties", map[string]string{"mine": "value"}, last.GetProperties())
	expect.Holds("a second in between", tries[1].at.Sub(tries[0].at) >= 900*time.Millisecond, tries[1].at.Sub(tries[0].at))
}

func pushDeadLetter(s *scene) {
	topic := s.topic("NORMAL", 1)
	group := s.createGroup(s.unique("group"), false, 1, s.broker)
	inbox := s.push(group, topic, client.SUB_ALL, failing("hopeless", 100))
	s.sendBodies(topic, "hopeless")
	s.awaitDeadLetters(group, "1")
	expect.Equal("the attempts", []int32{1, 2}, inbox.attempts("hopeless"))
}

func pushFIFO(s *scene) {
	topic := s.topic("FIFO", 4)
	inbox := s.push(s.orderlyGroup(), topic, client.SUB_ALL, succeed)
	groups := []string{"red", "green", "blue"}
	all := []string{}
	for i := range 10 {
		for _, group := range groups {
			body := numbered(group, 10)[i]
			all = append(all, body)
			s.send(newGroupedMessage(topic, body, group))
		}
	}
	inbox.AwaitExactly(all)
	for _, group := range groups {
		seen := []string{}
		for _, one := range inbox.Snapshot() {
			if strings.HasPrefix(one.body, group) {
				seen = append(seen, one.body)
				expect.Equal("the message group", group, *one.message.GetMessageGroup())
			}
		}
		expect.Equal("the order in "+group, numbered(group, 10), seen)
	}
}

// pushFIFORetry: this client does not keep back those behind a failing message that came with it, but it counts.
func pushFIFORetry(s *scene) {
	topic := s.topic("FIFO", 1)
	inbox := s.push(s.orderlyGroup(), topic, client.SUB_ALL, failing("two", 2))
	for _, body := range []string{"one", "two", "three"} {
		s.send(newGroupedMessage(topic, body, "orders"))
	}
	inbox.AwaitExactly([]string{"one", "two", "two", "two", "three"})
	expect.Equal("the attempts", []int32{1, 2, 3}, inbox.attempts("two"))
}

// pushFIFODeadLetter: a message that never succeeds goes among the dead letters, and holds up nobody for good.
func pushFIFODeadLetter(s *scene) {
	topic := s.topic("FIFO", 1)
	group := s.createGroup(s.unique("group"), true, 1, s.broker)
	inbox := s.push(group, topic, client.SUB_ALL, failing("hopeless", 100))
	for _, body := range []string{"one", "hopeless", "three"} {
		s.send(newGroupedMessage(topic, body, "orders"))
	}
	s.awaitDeadLetters(group, "1")
	s.send(newGroupedMessage(topic, "four", "orders"))
	inbox.AwaitExactly([]string{"one", "hopeless", "hopeless", "three", "four"})
}

func pushShared(s *scene) {
	topic := s.topic("NORMAL", 4)
	group := s.group()
	one := s.push(group, topic, client.SUB_ALL, succeed)
	other := s.push(group, topic, client.SUB_ALL, succeed)
	bodies := numbered("shared", 200)
	s.sendBodies(topic, bodies...)
	expect.Eventually("the number of received messages", len(bodies), func() any { return len(one.Snapshot()) + len(other.Snapshot()) })
	expect.Equal("the received bodies, sorted", expect.Sorted(bodies), expect.Sorted(append(one.Bodies(), other.Bodies()...)))
}
