package main

import (
	"context"
	"errors"
	"time"

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
	eventuallySucceeds("receiving", func() error {
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
	succeeds("receiving", err)
	bodies := []string{}
	for _, message := range messages {
		bodies = append(bodies, string(message.GetBody()))
	}
	equal(what, []string{}, bodies)
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
		holds(body+" to be received", received[body] != nil, received)
		equal("the attempt", int32(1), received[body].GetDeliveryAttempt())
		succeeds("the ack of "+body, ack(consumer, received[body]))
	}
	nothingLeft("what is left", consumer)
}

func simpleRedelivery(s *scene) {
	topic := s.topic("NORMAL", 1)
	consumer := s.simple(s.group(), topic)
	s.sendBodies(topic, "done", "forgotten")
	first := receive(consumer, 2, shortest)
	receivedAt := time.Now()
	succeeds("an ack", ack(consumer, first["done"]))
	again := receive(consumer, 1, long)["forgotten"]
	holds("the other message again", again != nil, "another")
	equal("the attempt", int32(2), again.GetDeliveryAttempt())
	equal("the id", first["forgotten"].GetMessageId(), again.GetMessageId())
	holds("10 s in between", time.Since(receivedAt) > 9*time.Second, time.Since(receivedAt))
	succeeds("the ack of the new handle", ack(consumer, again))
	nothingLeft("what is left", consumer)
}

func simpleChangeInvisibleDuration(s *scene) {
	topic := s.topic("NORMAL", 1)
	consumer := s.simple(s.group(), topic)
	s.sendBodies(topic, "longer", "shorter")
	first := receive(consumer, 2, shortest)
	receivedAt := time.Now()
	succeeds("a longer time", consumer.ChangeInvisibleDuration(first["longer"], long))
	succeeds("a shorter time", consumer.ChangeInvisibleDuration(first["shorter"], 2*time.Second))
	again := receive(consumer, 1, long)["shorter"]
	holds("the one with the shorter time", again != nil, "the other")
	equal("the attempt", int32(2), again.GetDeliveryAttempt())
	succeeds("an ack", ack(consumer, again))
	// The other one would have come again after 10 s.
	for time.Since(receivedAt) < 13*time.Second {
		nothingLeft("what came before its time", consumer)
	}
	succeeds("the ack of the one with the longer time", ack(consumer, first["longer"]))
}

func simpleDeadLetter(s *scene) {
	topic := s.topic("NORMAL", 1)
	group := s.createGroup(s.unique("group"), false, 1, s.broker)
	consumer := s.simple(group, topic)
	s.sendBodies(topic, "hopeless")
	for attempt := int32(1); attempt <= 2; attempt++ {
		message := receive(consumer, 1, long)["hopeless"]
		equal("the attempt", attempt, message.GetDeliveryAttempt())
		succeeds("a shorter time", consumer.ChangeInvisibleDuration(message, time.Second))
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
	holds("the first message", first != nil, "another")
	equal("the message group", "orders", *first.GetMessageGroup())
	nothingLeft("what comes before the first is done", consumer)
	succeeds("an ack", ack(consumer, first))
	second := receive(consumer, 1, long)["second"]
	holds("the second message", second != nil, "another")
	succeeds("an ack", ack(consumer, second))
}

func (s *scene) awaitDeadLetters(group, count string) {
	eventually("the dead letters of "+group, count, func() any {
		seen, err := deadLetters(s.address(s.broker).remoting, group)
		if err != nil {
			return err.Error()
		}
		return seen
	})
}
