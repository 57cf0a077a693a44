package main

import (
	"context"
	"fmt"
	"time"

	"bolide.tests/clients/go-shared/expect"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// Messages that do not go straight to their consumer: delayed, tried again, given up on, filtered by condition, answered.
func detourCases() []testCase {
	return []testCase{
		{name: "retry-then-dead-letter", body: retryThenDeadLetter},
		{name: "order-ends-in-dead-letters", body: orderDeadLetters},
		{name: "order-suspended", body: orderSuspended},
		{name: "request-and-reply", body: requestAndReply},
		{name: "delay-level", body: delayLevel},
		{name: "sql-filter", body: sqlFilter},
	}
}

var everything = consumer.MessageSelector{Type: consumer.TAG, Expression: "*"}

// retryThenDeadLetter: a consumer that never succeeds gets the message once more, as its limit says; then it is among the
// dead letters.
func retryThenDeadLetter(s *scene) {
	topic := s.topic(1)
	attempts := &inbox{}
	s.listen(s.group(), topic, everything, func(ctx context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		if how, ok := primitive.GetConcurrentlyCtx(ctx); ok {
			how.DelayLevelWhenNextConsume = 1
		}
		attempts.note(messages...)
		return consumer.ConsumeRetryLater, nil
	}, consumer.WithMaxReconsumeTimes(1))
	s.send(topic, "hopeless")
	attempts.AwaitCount(2)
	dead := s.storedFirst("%DLQ%" + s.group())
	expect.Equal("the dead letter", "hopeless", string(dead.Body))
	expect.Equal("where it came from", topic, dead.GetProperty("RETRY_TOPIC"))
	expect.Equal("the attempts", []int32{0, 1}, reconsumed(attempts))
	waited := attempts.Snapshot()[1].message.StoreTimestamp - attempts.Snapshot()[0].message.StoreTimestamp
	expect.Holds("the second attempt not to be early", waited >= 1000, fmt.Sprint(waited, " ms later"))
}

// reconsumed returns how often each message that was received had come before.
func reconsumed(seen *inbox) []int32 {
	times := []int32{}
	for _, one := range seen.Snapshot() {
		times = append(times, one.message.ReconsumeTimes)
	}
	return times
}

// orderSuspended: while a message is not done, those behind it wait.
func orderSuspended(s *scene) {
	topic := s.topic(1)
	s.send(topic, "held", "behind")
	seen := &inbox{}
	s.listen(s.group(), topic, everything, func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		seen.note(messages...)
		if string(messages[0].Body) == "held" && len(seen.Snapshot()) < 3 {
			return consumer.SuspendCurrentQueueAMoment, nil
		}
		return consumer.ConsumeSuccess, nil
	}, consumer.WithConsumerOrder(true), consumer.WithSuspendCurrentQueueTimeMillis(100*time.Millisecond))
	seen.AwaitInOrder([]string{"held", "held", "held", "behind"})
}

func orderDeadLetters(s *scene) {
	topic := s.topic(1)
	s.send(topic, "hopeless", "behind")
	seen := &inbox{}
	s.listen(s.group(), topic, everything, func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		seen.note(messages...)
		if string(messages[0].Body) == "hopeless" {
			return consumer.SuspendCurrentQueueAMoment, nil
		}
		return consumer.ConsumeSuccess, nil
	}, consumer.WithConsumerOrder(true), consumer.WithSuspendCurrentQueueTimeMillis(100*time.Millisecond), consumer.WithMaxReconsumeTimes(1))
	seen.AwaitAll([]string{"behind"})
	expect.Equal("the dead letter", "hopeless", string(s.storedFirst("%DLQ%"+s.group()).Body))
}

// delayLevel: the first level is a second; the message must not have been stored on its topic before.
func delayLevel(s *scene) {
	topic := s.topic(1)
	_, inbox := s.push(s.group(), topic, "*")
	sent := time.Now().UnixMilli()
	message := newMessage(topic, "later")
	message.WithDelayTimeLevel(1)
	_, err := s.trySend(message)
	expect.Succeeds("the send", err)
	s.send(topic, "now")
	inbox.AwaitExactly([]string{"later", "now"})
	for _, one := range inbox.Snapshot() {
		if one.body == "later" {
			waited := one.message.StoreTimestamp - sent
			expect.Holds("the delay to be at least 1000 ms", waited >= 1000, waited)
		}
	}
}

func sqlFilter(s *scene) {
	topic := s.topic(2)
	seen := &inbox{}
	selector := consumer.MessageSelector{Type: consumer.SQL92, Expression: "size BETWEEN 3 AND 5 AND colour IN ('red', 'blue')"}
	s.listen(s.group(), topic, selector, seen.consume)
	for size := range 8 {
		for _, colour := range []string{"red", "green"} {
			message := newMessage(topic, fmt.Sprintf("%s-%d", colour, size))
			message.WithProperties(map[string]string{"size": fmt.Sprint(size), "colour": colour})
			_, err := s.trySend(message)
			expect.Succeeds("the send", err)
		}
	}
	seen.AwaitExactly([]string{"red-3", "red-4", "red-5"})
}

// requestAndReply: the broker knows who asks only after that client's heartbeat, so that the answer may have to be sent again.
func requestAndReply(s *scene) {
	topic := s.topic(1)
	answering := s.newProducer()
	s.listen(s.group(), topic, everything, func(ctx context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		// This client takes the body that it is given here for properties.
		answer, err := consumer.CreateReplyMessage(messages[0], nil)
		if err != nil {
			return consumer.ConsumeRetryLater, err
		}
		answer.Body = []byte("re: " + string(messages[0].Body))
		expect.EventuallySucceeds("the answer", func() error {
			_, err := answering.SendSync(ctx, answer)
			return err
		})
		return consumer.ConsumeSuccess, nil
	})
	answer, err := s.producer().Request(context.Background(), expect.Wait, newMessage(topic, "question"))
	expect.Succeeds("the request", err)
	expect.Equal("the answer", "re: question", string(answer.Body))
}
