package main

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"bolide.tests/clients/go-shared/expect"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// Sending, in each of the ways that the producer has, and finding the messages exactly where they were acknowledged.
func sendCases() []testCase {
	return []testCase{
		{name: "send-sync", body: sendSync},
		{name: "send-async", body: sendAsync},
		{name: "send-oneway", body: sendOneway},
		{name: "send-batch", body: sendBatch},
		{name: "send-to-chosen-queue", body: sendToChosenQueue},
		{name: "send-to-two-brokers", body: sendToTwoBrokers},
		{name: "send-creates-topic", body: sendCreatesTopic},
		{name: "names-with-percent-and-bar", body: unusualNames},
	}
}

func sendSync(s *scene) {
	topic := s.topic(4)
	results := s.send(topic, numbered("sync", 12)...)
	expectStored(s, topic, results)
	queues := map[int]bool{}
	for _, result := range results {
		queues[result.MessageQueue.QueueId] = true
	}
	expect.Equal("the number of queues that 12 messages spread over", 4, len(queues))
}

func sendAsync(s *scene) {
	topic := s.topic(4)
	var mutex sync.Mutex
	var waiting sync.WaitGroup
	results := map[string]*primitive.SendResult{}
	var failed error
	for _, body := range numbered("async", 20) {
		waiting.Add(1)
		err := s.producer().SendAsync(context.Background(), func(_ context.Context, result *primitive.SendResult, err error) {
			defer waiting.Done()
			mutex.Lock()
			defer mutex.Unlock()
			results[body] = result
			if err != nil {
				failed = err
			}
		}, newMessage(topic, body))
		expect.Succeeds("the asynchronous send", err)
	}
	waiting.Wait()
	expect.Succeeds("all asynchronous sends", failed)
	expectStored(s, topic, results)
}

func sendOneway(s *scene) {
	topic := s.topic(4)
	bodies := numbered("oneway", 12)
	for _, body := range bodies {
		expect.Succeeds("the oneway send", s.producer().SendOneWay(context.Background(), newMessage(topic, body)))
	}
	_, inbox := s.push(s.group(), topic, "*")
	inbox.AwaitExactly(bodies)
}

func sendBatch(s *scene) {
	topic := s.topic(4)
	var messages []*primitive.Message
	for i, body := range numbered("batch", 20) {
		message := newMessage(topic, body).WithKeys([]string{"key-" + body})
		message.WithProperty("number", fmt.Sprint(i))
		messages = append(messages, message)
	}
	ctx, cancel := deadline()
	defer cancel()
	result, err := s.producer().SendSync(ctx, messages...)
	expect.Succeeds("the batch", err)
	expect.Equal("the status of the batch", primitive.SendOK, result.Status)
	reader := s.pull(s.group(), topic, "*")
	for i, body := range numbered("batch", 20) {
		at := &primitive.SendResult{MessageQueue: result.MessageQueue, QueueOffset: result.QueueOffset + int64(i)}
		message := s.stored(reader, at)
		expect.Equal("the body", body, string(message.Body))
		expect.Equal("the key", "key-"+body, message.GetKeys())
		expect.Equal("the property", fmt.Sprint(i), message.GetProperty("number"))
	}
}

func sendToChosenQueue(s *scene) {
	topic := s.topic(4)
	queues := s.queues(topic)
	for i, body := range numbered("chosen", 8) {
		queue := queues[i%len(queues)]
		result, err := s.sendTo(queue, newMessage(topic, body))
		expect.Succeeds("the send", err)
		expect.Equal("the acknowledged queue", queue.QueueId, result.MessageQueue.QueueId)
		expect.Equal("the acknowledged offset", int64(i/4), result.QueueOffset)
	}
}

func sendToTwoBrokers(s *scene) {
	topic := s.createTopic(s.unique("topic"), 2, s.servers.cluster()...)
	bodies := numbered("two", 16)
	results := s.send(topic, bodies...)
	var used []string
	for _, result := range results {
		used = append(used, result.MessageQueue.BrokerName)
	}
	slices.Sort(used)
	expect.Equal("the brokers that took messages", s.servers.cluster(), slices.Compact(used))
	_, inbox := s.push(s.group(), topic, "*")
	inbox.AwaitExactly(bodies)
	expectStored(s, topic, results)
}

func sendCreatesTopic(s *scene) {
	topic := s.unique("unknown")
	results := s.send(topic, "first")
	broker := results["first"].MessageQueue.BrokerName
	expect.Eventually("the new topic's route to have the broker", true, func() any {
		return slices.Contains(s.routedBrokers(topic), broker)
	})
	queues := slices.DeleteFunc(s.queues(topic), func(queue *primitive.MessageQueue) bool { return queue.BrokerName != broker })
	expect.Equal("the queues that the producer asked for", 4, len(queues))
	expectStored(s, topic, results)
}

func unusualNames(s *scene) {
	topic := s.createTopic("100%|"+s.unique("topic|%"), 2, s.servers.broker())
	s.send(topic, numbered("named", 6)...)
	_, inbox := s.push("%|"+s.group(), topic, "*")
	inbox.AwaitExactly(numbered("named", 6))
	expect.Equal("the topic of a received message", topic, inbox.Snapshot()[0].message.Topic)
}

// expectStored checks that each message lies where its acknowledgement says.
func expectStored(s *scene, topic string, results map[string]*primitive.SendResult) {
	reader := s.pull(s.unique("reader"), topic, "*")
	for body, result := range results {
		expect.Equal("the status of "+body, primitive.SendOK, result.Status)
		message := s.stored(reader, result)
		expect.Equal("the body at the acknowledged place", body, string(message.Body))
		expect.Equal("the offset of "+body, result.QueueOffset, message.QueueOffset)
		expect.Equal("the id of "+body, result.MsgID, message.MsgId)
	}
}
