package main

import (
	"errors"
	"slices"
	"strings"
	"time"

	"bolide.tests/clients/go-shared/expect"
	"github.com/apache/rocketmq-client-go/v2/consumer"
)

// Where a group begins that has no offsets yet: at the first message, at the last, or at a time.
func startCases() []testCase {
	return []testCase{
		{name: "from-first", body: fromFirst},
		{name: "from-last", body: fromLast, coldBroker: true},
		{name: "from-last-while-all-is-in-memory", body: fromLastInMemory},
		{name: "from-timestamp", body: fromTimestamp, coldBroker: true},
	}
}

func fromFirst(s *scene) {
	topic := s.topic(1)
	s.send(topic, numbered("old", 3)...)
	_, inbox := s.push(s.group(), topic, "*", consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset))
	s.send(topic, "new")
	inbox.AwaitExactly([]string{"old-0", "old-1", "old-2", "new"})
}

// fromLast: the client asks for the end of the queue only when the broker's answer is that it knows no offset.
func fromLast(s *scene) {
	topic := s.createTopic(s.unique("topic"), 1, s.options.cold)
	results := s.send(topic, numbered("old", 3)...)
	s.stored(s.pull(s.unique("reader"), topic, "*"), results["old-2"])
	_, inbox := s.push(s.group(), topic, "*", consumer.WithConsumeFromWhere(consumer.ConsumeFromLastOffset))
	// Which message is the first to be seen depends on when the client asks; none from before its start may be.
	expect.EventuallySucceeds("a message after the start", func() error {
		s.send(topic, "new")
		if !inbox.Contains("new") {
			return errors.New("none yet")
		}
		return nil
	})
	expect.Holds("no message from before the start", !slices.ContainsFunc(inbox.Bodies(), func(body string) bool {
		return strings.HasPrefix(body, "old")
	}), inbox.Bodies())
}

// fromLastInMemory is the rule of Apache's broker: while a queue's first message is still in memory, a new group starts
// with it.
func fromLastInMemory(s *scene) {
	topic := s.topic(1)
	s.send(topic, numbered("old", 3)...)
	_, inbox := s.push(s.group(), topic, "*", consumer.WithConsumeFromWhere(consumer.ConsumeFromLastOffset))
	inbox.AwaitExactly(numbered("old", 3))
}

func fromTimestamp(s *scene) {
	topic := s.createTopic(s.unique("topic"), 1, s.options.cold)
	s.send(topic, numbered("old", 3)...)
	// The client's setting has seconds; everything so far must belong to an earlier one.
	start := time.Now().Truncate(time.Second).Add(time.Second)
	time.Sleep(time.Until(start))
	results := s.send(topic, numbered("new", 3)...)
	s.stored(s.pull(s.unique("reader"), topic, "*"), results["new-2"])
	_, inbox := s.push(s.group(), topic, "*", consumer.WithConsumeFromWhere(consumer.ConsumeFromTimestamp),
		consumer.WithConsumeTimestamp(start.UTC().Format("20060102150405")))
	inbox.AwaitExactly(numbered("new", 3))
}
