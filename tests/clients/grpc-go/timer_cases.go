package main

import (
	"time"

	"bolide.tests/clients/go-shared/expect"
	client "github.com/apache/rocketmq-clients/golang/v5"
)

// Messages that expect.Wait, and messages that are taken back before their time.
func timerCases() []testCase {
	return []testCase{
		{name: "delay", body: delay},
		{name: "recall", body: recall},
		{name: "recall-refused", body: recallRefused},
	}
}

func delayed(topic, body string, deliver time.Time) *client.Message {
	message := newMessage(topic, body)
	message.SetTag("late")
	message.SetKeys("key")
	message.AddProperty("mine", "value")
	message.SetDelayTimestamp(deliver)
	return message
}

func delay(s *scene) {
	topic := s.topic("DELAY", 1)
	inbox := s.push(s.group(), topic, client.SUB_ALL, succeed)
	now := time.Now()
	due := map[string]time.Time{"one": now.Add(3 * time.Second), "two": now.Add(4500 * time.Millisecond), "past": now.Add(-time.Second)}
	for body, deliver := range due {
		s.send(delayed(topic, body, deliver))
	}
	inbox.AwaitExactly([]string{"one", "past", "two"})
	for _, one := range inbox.Snapshot() {
		// Servers round a delivery time to their precision, which is a second at most.
		expect.Holds(one.body+" not before its time", one.at.After(due[one.body].Add(-time.Second)), one.at)
		expect.Equal("the tag", "late", *one.message.GetTag())
		expect.Equal("the keys", []string{"key"}, one.message.GetKeys())
		expect.Equal("the properties", map[string]string{"mine": "value"}, one.message.GetProperties())
		expect.Equal("the topic", topic, one.message.GetTopic())
		expect.Equal("the attempt", int32(1), one.attempt)
	}
}

func recall(s *scene) {
	topic := s.topic("DELAY", 1)
	inbox := s.push(s.group(), topic, client.SUB_ALL, succeed)
	deliver := time.Now().Add(4 * time.Second)
	gone := s.send(delayed(topic, "gone", deliver))[0]
	s.send(delayed(topic, "kept", deliver))
	ctx, cancel := deadline()
	defer cancel()
	id, err := s.producer(topic).Recall(ctx, topic, gone.RecallHandle)
	expect.Succeeds("taking a message back", err)
	expect.Equal("the id of what was taken back", gone.MessageID, id)
	// Due after all of them: when it is there, whatever was to come has come.
	s.send(delayed(topic, "last", deliver.Add(2*time.Second)))
	inbox.AwaitExactly([]string{"kept", "last"})
}

func recallRefused(s *scene) {
	topic := s.topic("DELAY", 1)
	ctx, cancel := deadline()
	defer cancel()
	_, err := s.producer(topic).Recall(ctx, topic, "bm8gaGFuZGxl")
	_ = expect.Refused("a handle that is none", err)
	_, err = s.trySend(delayed(topic, "far", time.Now().Add(48*time.Hour)))
	refusedWith("a delivery in two days", 40012, err)
}
