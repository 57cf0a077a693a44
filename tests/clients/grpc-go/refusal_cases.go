package main

import (
	"errors"
	"strings"
	"time"

	"bolide.tests/clients/go-shared/expect"
	client "github.com/apache/rocketmq-clients/golang/v5"
)

// Mistakes: each with the error and the code that tell the user which it was.
func refusalCases() []testCase {
	return []testCase{
		{name: "refused-messages", body: refusedMessages},
		{name: "refused-by-the-client", body: refusedByTheClient},
		{name: "refused-topic", body: refusedTopic},
		{name: "refused-receives", body: refusedReceives},
	}
}

// refusedWith expects the server's refusal with this code.
func refusedWith(what string, code int32, err error) {
	var status *client.ErrRpcStatus
	if !errors.As(expect.Refused(what, err), &status) {
		expect.Fail(what+" to be refused by the server", err)
	}
	expect.Equal("the code for "+what, code, status.Code)
}

func refusedMessages(s *scene) {
	topic := s.topic("NORMAL", 1)
	// A client does not look at the route again for a while.
	fifo := s.createTopic(s.unique("fifo"), "FIFO", 1, s.broker)
	for _, one := range []struct {
		what    string
		code    int32
		mistake func(*client.Message)
	}{
		{"a control character in the tag", 40004, func(message *client.Message) { message.SetTag("a\u0001b") }},
		{"a control character in a key", 40005, func(message *client.Message) { message.SetKeys("a\u0001b") }},
		{"a message group of 65 bytes", 40006, func(message *client.Message) {
			message.Topic = fifo
			message.SetMessageGroup(strings.Repeat("g", 65))
		}},
		{"a property of the servers' own", 40007, func(message *client.Message) { message.AddProperty("UNIQ_KEY", "mine") }},
		{"17 KiB of properties", 43101, func(message *client.Message) { message.AddProperty("key", strings.Repeat("v", 17*1024)) }},
		{"a body without a byte", 41302, func(message *client.Message) { message.Body = []byte{} }},
	} {
		message := newMessage(topic, "bad")
		one.mistake(message)
		_, err := s.trySend(message)
		refusedWith(one.what, one.code, err)
	}
	// None of them is stored.
	inbox := s.push(s.group(), topic, client.SUB_ALL, succeed)
	s.sendBodies(topic, "good")
	inbox.AwaitExactly([]string{"good"})
}

// refusedByTheClient: the client knows these limits from the server's routes.
func refusedByTheClient(s *scene) {
	topic := s.topic("NORMAL", 1)
	s.sendBodies(topic, "good")
	for what, message := range map[string]*client.Message{
		"a message group on a plain topic": newGroupedMessage(topic, "bad", "orders"),
		"a delay on a plain topic":         delayed(topic, "bad", time.Now().Add(time.Second)),
	} {
		_, err := s.trySend(message)
		refusal := expect.Refused(what, err).Error()
		expect.Holds("the client's own check", strings.Contains(refusal, "message type"), refusal)
	}
}

func refusedTopic(s *scene) {
	// A client of this language that starts without a topic that is there waits for its settings for ever.
	topic, none := s.topic("NORMAL", 1), s.unique("none")
	s.sendBodies(topic, "good")
	_, err := s.trySend(newMessage(none, "bad"))
	refusal := expect.Refused("sending to a topic that is not there", err).Error()
	expect.Holds("the topic not to be found", strings.Contains(refusal, "TOPIC_NOT_FOUND"), refusal)
}

func refusedReceives(s *scene) {
	topic := s.topic("NORMAL", 1)
	consumer := s.simple(s.group(), topic)
	_, err := receiveOnce(consumer, 1, time.Second)
	refusedWith("an invisible duration of 1 s", 40011, err)
	_, err = receiveOnce(consumer, 1, 13*time.Hour)
	refusedWith("an invisible duration of 13 h", 40011, err)
}
