package main

import (
	"errors"
	"time"

	"bolide.tests/clients/go-shared/expect"
	client "github.com/apache/rocketmq-clients/golang/v5"
)

// watched is long enough for a server that forgot what it had handed out to hand it out again.
const watched = 15 * time.Second

// Brokers that go away, for a moment or for good.
func failureCases() []testCase {
	return []testCase{
		{name: "restart-with-messages-in-process", body: restartInProcess, needs: durableHandles},
		// Apache's proxy refuses to give messages to this client until it sends its settings again, which it does not.
		{name: "restart", body: restart, needs: durableHandles},
		{name: "one-of-two-brokers-dies", body: oneOfTwo, needs: twoBrokers},
	}
}

// restart: all clients of before go on after.
func restart(s *scene) {
	s.withRestartableBroker(func() {
		topic := s.topic("NORMAL", 2)
		inbox := s.push(s.group(), topic, client.SUB_ALL, succeed)
		s.sendBodies(topic, "before")
		inbox.AwaitAll([]string{"before"})
		s.runner.Restart(s.broker)
		expect.EventuallySucceeds("sending after the restart", func() error {
			_, err := s.trySend(newMessage(topic, "after"))
			return err
		})
		inbox.AwaitAll([]string{"after"})
	})
}

// restartInProcess: what was handed out before a restart is still handed out after it, so that nobody else gets it, and
// its old handle acknowledges.
func restartInProcess(s *scene) {
	s.withRestartableBroker(func() {
		pushed := s.topic("NORMAL", 1)
		done := make(chan struct{})
		inbox := s.push(s.group(), pushed, client.SUB_ALL, func(*client.MessageView) client.ConsumerResult {
			select {
			case <-done:
				return client.SUCCESS
			case <-time.After(expect.Wait):
				return client.FAILURE
			}
		})
		received := s.createTopic(s.unique("received"), "NORMAL", 1, s.broker)
		consumer := s.simple(s.createGroup(s.unique("receivers"), false, retries, s.broker), received)
		s.sendBodies(pushed, "pushed")
		s.sendBodies(received, "received")
		inbox.AwaitExactly([]string{"pushed"})
		handle := receive(consumer, 1, 20*time.Second)["received"]
		receivedAt := time.Now()
		s.runner.Restart(s.broker)
		restartedAt := time.Now()
		expect.EventuallySucceeds("the ack with the old handle", func() error { return ack(consumer, handle) })
		for time.Since(receivedAt) < 21*time.Second || time.Since(restartedAt) < watched {
			messages, err := receiveOnce(consumer, 1, 20*time.Second)
			// A connection may still be broken.
			if err == nil {
				expect.Equal("what came again although it was acknowledged", 0, len(messages))
			} else {
				time.Sleep(expect.Poll)
			}
		}
		expect.Equal("what was pushed", []string{"pushed"}, inbox.Bodies())
		close(done)
		s.sendBodies(pushed, "next")
		inbox.AwaitExactly([]string{"next", "pushed"})
	})
}

func oneOfTwo(s *scene) {
	pair := s.options.pair
	topic := s.createTopic(s.unique("topic"), "NORMAL", 2, pair...)
	group := s.createGroup(s.unique("group"), false, retries, pair...)
	expect.Eventually("the queues on both", 4, func() any { return s.queues(topic, pair) })
	// It is told of one broker and learns of the other. (A list of two is not served: README says why.)
	endpoint := s.address(pair[1]).grpc
	inbox := s.pushFrom(configFor(endpoint, group), topic, client.SUB_ALL, succeed)
	producer := s.newProducer(configFor(endpoint, ""), client.WithTopics(topic))
	send := func(body string) error {
		ctx, cancel := deadline()
		defer cancel()
		receipts, err := producer.Send(ctx, newMessage(topic, body))
		if err == nil && len(receipts) != 1 {
			err = errors.New("no receipt")
		}
		return err
	}
	for _, body := range numbered("before", 8) {
		expect.Succeeds("sending "+body, send(body))
	}
	inbox.AwaitExactly(numbered("before", 8))
	s.runner.Kill(pair[0])
	for _, body := range numbered("after", 20) {
		expect.EventuallySucceeds("sending "+body, func() error { return send(body) })
	}
	inbox.AwaitAll(numbered("after", 20))
}

// queues counts those of a topic's queues on these brokers that exist.
func (s *scene) queues(topic string, brokers []string) int {
	count := 0
	for _, broker := range brokers {
		for queue := range 2 {
			if _, err := maxOffset(s.address(broker).remoting, topic, queue); err == nil {
				count++
			}
		}
	}
	return count
}
