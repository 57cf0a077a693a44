package main

import (
	"context"
	"errors"
	"time"

	"bolide.tests/clients/go-shared/expect"
	client "github.com/apache/rocketmq-clients/golang/v5"
)

const (
	// shortest is the shortest time that servers let a message be invisible from the start.
	shortest = 10 * time.Second
	long     = 60 * time.Second
)

// Consumers that ask for each message, and say themselves when they are done with it.
func simpleCases() []testCase {
	return []testCase{
		{name: "simple-redelivery", body: simpleRedelivery},
		{name: "simple-change-invisible-duration", body: simpleChangeInvisibleDuration},
		{name: "simple-dead-letter", body: simpleDeadLetter},
		{name: "simple-fifo", body: simpleFIFO},
		{name: "simple-receive-and-ack", body: simpleReceiveAndAck},
	}
}

// receiveOnce asks once; for this client, nothing to receive is an error.
func receiveOnce(consumer client.SimpleConsumer, count int, invisible time.Duration) ([]*client.MessageView, error) {
	ctx, cancel := deadline()
	defer cancel()
	messages, err := consumer.Receive(ctx, int32(count), invisible)
	var status *client.ErrRpcStatus
	if errors.As(err, &status) && status.Code == 40401 {
		return nil, nil
	}
	return messages, err
}

// receive asks until there are this many messages.
func receive(consumer client.SimpleConsumer, count int, invisible time.Duration) map[string]*client.MessageView {
	messages := map[string]*client.MessageView{}
	expect.EventuallySucceeds("receiving", func() error {
		some, err := receiveOnce(consumer, count, invisible)
		for _, message := range some {
			messages[string(message.GetBody())] = message
		}
		if err == nil && len(messages) < count {
			err = errors.New("not enough messages")
		}
		return err
	})
	return messages
}

// nothingLeft asks once more and expects nothing.
func nothingLeft(what string, consumer client.SimpleConsumer) {
	messages, err := receiveOnce(consumer, 10, long)
	expect.Succeeds("receiving", err)
	bodies := []string{}
	for _, message := range messages {
		bodies = append(bodies, string(message.GetBody()))
	}
	expect.Equal(what, []string{}, bodies)
}

func ack(consumer client.SimpleConsumer, message *client.MessageView) error {
	return consumer.Ack(context.Background(), message)
}

func simpleReceiveAndAck(s *scene) {
	topic := s.topic("NORMAL", 1)
	consumer := s.simple(s.group(), topic)
	s.sendBodies(topic, numbered("simple", 10)...)
	received := receive(consumer, 10, long)
	for _, body := range numbered("simple", 10) {
		expect.Holds(body+" to be received", received[body] != nil, received)
		expect.Equal("the attempt", int32(1), received[body].GetDeliveryAttempt())
		expect.Succeeds("the ack of "+body, ack(consumer, received[body]))
	}
	nothingLeft("what is left", consumer)
}

func simpleRedelivery(s *scene) {
	topic := s.topic("NORMAL", 1)
	consumer := s.simple(s.group(), topic)
	s.sendBodies(topic, "done", "forgotten")
	first := receive(consumer, 2, shortest)
	receivedAt := time.Now()
	expect.Succeeds("an ack", ack(consumer, first["done"]))
	again := receive(consumer, 1, long)["forgotten"]
	expect.Holds("the other message again", again != nil, "another")
	expect.Equal("the attempt", int32(2), again.GetDeliveryAttempt())
	expect.Equal("the id", first["forgotten"].GetMessageId(), again.GetMessageId())
	expect.Holds("10 s in between", time.Since(receivedAt) > 9*time.Second, time.Since(receivedAt))
	expect.Succeeds("the ack of the new handle", ack(consumer, again))
	nothingLeft("what is left", consumer)
}

func simpleChangeInvisibleDuration(s *scene) {
	topic := s.topic("NORMAL", 1)
	consumer := s.simple(s.group(), topic)
	s.sendBodies(topic, "longer", "shorter")
	first := receive(consumer, 2, shortest)
	receivedAt := time.Now()
	expect.Succeeds("a longer time", consumer.ChangeInvisibleDuration(first["longer"], long))
	expect.Succeeds("a shorter time", consumer.ChangeInvisibleDuration(first["shorter"], 2*time.Second))
	again := receive(consumer, 1, long)["shorter"]
	expect.Holds("the one with the shorter time", again != nil, "the other")
	expect.Equal("the attempt", int32(2), again.GetDeliveryAttempt())
	expect.Succeeds("an ack", ack(consumer, again))
	// The other one would have come again after 10 s.
	for time.Since(receivedAt) < 13*time.Second {
		nothingLeft("what came before its time", consumer)
	}
	expect.Succeeds("the ack of the one with the longer time", ack(consumer, first["longer"]))
}

func simpleDeadLetter(s *scene) {
	topic := s.topic("NORMAL", 1)
	group := s.createGroup(s.unique("group"), false, 1, s.broker)
	consumer := s.simple(group, topic)
	s.sendBodies(topic, "hopeless")
	for attempt := int32(1); attempt <= 2; attempt++ {
		message := receive(consumer, 1, long)["hopeless"]
		expect.Equal("the attempt", attempt, message.GetDeliveryAttempt())
		expect.Succeeds("a shorter time", consumer.ChangeInvisibleDuration(message, time.Second))
	}
	nothingLeft("what is received beyond the last attempt", consumer)
	s.awaitDeadLetters(group, "1")
}

// simpleFIFO: a message of a group is not handed out while the one before it is being worked on.
func simpleFIFO(s *scene) {
	topic := s.topic("FIFO", 1)
	consumer := s.simple(s.orderlyGroup(), topic)
	s.send(newGroupedMessage(topic, "first", "orders"), newGroupedMessage(topic, "second", "orders"))
	first := receive(consumer, 1, long)["first"]
	expect.Holds("the first message", first != nil, "another")
	expect.Equal("the message group", "orders", *first.GetMessageGroup())
	nothingLeft("what comes before the first is done", consumer)
	expect.Succeeds("an ack", ack(consumer, first))
	second := receive(consumer, 1, long)["second"]
	expect.Holds("the second message", second != nil, "another")
	expect.Succeeds("an ack", ack(consumer, second))
}

func (s *scene) awaitDeadLetters(group, count string) {
	expect.Eventually("the dead letters of "+group, count, func() any {
		seen, err := deadLetters(s.address(s.broker).remoting, group)
		if err != nil {
			return err.Error()
		}
		return seen
	})
}
