package main

import (
	"context"
	"slices"
	"time"

	"bolide.tests/clients/go-shared/expect"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// Pull consumers: by offset with seek, with tags, with long polling, and subscribed with acknowledgements.
func pullCases() []testCase {
	return []testCase{
		{name: "pull-by-offset", body: pullByOffset},
		{name: "pull-with-tags", body: pullWithTags},
		{name: "pull-waits-for-a-message", body: pullWaits},
		{name: "pull-subscribed", body: pullSubscribed},
	}
}

func bodiesOf(messages []*primitive.MessageExt) []string {
	bodies := []string{}
	for _, message := range messages {
		bodies = append(bodies, string(message.Body))
	}
	return bodies
}

func pullByOffset(s *scene) {
	topic := s.topic(1)
	bodies := numbered("pull", 10)
	results := s.send(topic, bodies...)
	reader := s.pull(s.group(), topic, "*")
	s.stored(reader, results["pull-9"])
	queue := s.queues(topic)[0]
	pulled := func(offset int64, count int) *primitive.PullResult {
		ctx, cancel := deadline()
		defer cancel()
		result, err := reader.PullFrom(ctx, queue, offset, count)
		expect.Succeeds("the pull", err)
		return result
	}
	middle := pulled(4, 3)
	expect.Equal("three messages from offset 4", bodies[4:7], bodiesOf(middle.GetMessageExts()))
	expect.Equal("the next offset", int64(7), middle.NextBeginOffset)
	expect.Equal("the lowest offset", int64(0), middle.MinOffset)
	expect.Equal("the highest offset", int64(10), middle.MaxOffset)
	expect.Equal("all messages from the beginning", bodies, bodiesOf(pulled(0, 32).GetMessageExts()))
	beyond := pulled(1000, 3)
	expect.Equal("the status beyond the end", primitive.PullOffsetIllegal, beyond.Status)
	expect.Equal("the corrected offset beyond the end", int64(10), beyond.NextBeginOffset)
}

func pullWithTags(s *scene) {
	topic := s.topic(1)
	for i, body := range numbered("tagged", 6) {
		sendTagged(s, topic, []string{"even", "odd"}[i%2], body)
	}
	reader := s.pull(s.group(), topic, "odd")
	queue := s.queues(topic)[0]
	expect.Eventually("the messages with the tag", []string{"tagged-1", "tagged-3", "tagged-5"}, func() any {
		ctx, cancel := deadline()
		defer cancel()
		result, err := reader.PullFrom(ctx, queue, 0, 32)
		expect.Succeeds("the pull", err)
		return bodiesOf(result.GetMessageExts())
	})
}

func pullWaits(s *scene) {
	topic := s.topic(1)
	results := s.send(topic, "before")
	reader := s.pull(s.group(), topic, "*")
	s.stored(reader, results["before"])
	queue := s.queues(topic)[0]
	answered := make(chan []string, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), expect.Wait)
		defer cancel()
		result, err := reader.PullFrom(ctx, queue, 1, 32)
		if err != nil {
			answered <- []string{err.Error()}
			return
		}
		answered <- bodiesOf(result.GetMessageExts())
	}()
	s.send(topic, "awaited")
	select {
	case bodies := <-answered:
		expect.Equal("the awaited message", []string{"awaited"}, bodies)
	case <-time.After(expect.Wait):
		expect.Fail("the held pull to be answered", "nothing")
	}
}

// pullSubscribed polls what the client pulls in the background, and goes on where it was acknowledged.
func pullSubscribed(s *scene) {
	topic := s.topic(2)
	bodies := numbered("poll", 12)
	s.send(topic, bodies...)
	reader := s.pull(s.group(), topic, "*")
	seen := []string{}
	expect.Eventually("the polled bodies, sorted", expect.Sorted(bodies), func() any {
		request, err := reader.Poll(context.Background(), time.Second)
		if consumer.IsNoNewMsgError(err) {
			return expect.Sorted(seen)
		}
		expect.Succeeds("the poll", err)
		seen = append(seen, bodiesOf(request.GetMsgList())...)
		reader.ACK(context.Background(), request, consumer.ConsumeSuccess)
		return expect.Sorted(seen)
	})
	expect.Succeeds("storing the offsets", reader.PersistOffset(context.Background(), topic))
	expect.Succeeds("leaving", reader.Shutdown())
	s.awaitStored(s.group(), topic, int64(len(bodies)))
	s.send(topic, "later")
	again := s.pull(s.group(), topic, "*")
	after := []string{}
	expect.Eventually("the bodies after the stored offsets", true, func() any {
		request, err := again.Poll(context.Background(), time.Second)
		if err == nil {
			after = append(after, bodiesOf(request.GetMsgList())...)
			again.ACK(context.Background(), request, consumer.ConsumeSuccess)
		}
		return slices.Contains(after, "later")
	})
	expect.Equal("the bodies after the stored offsets", []string{"later"}, after)
}
