package main

import (
	"strconv"

	"bolide.tests/clients/go-shared/expect"
)

// What a broker has stored of a group. The client itself commits offsets one way and offers no question for them, so a case
// that goes on from a commit asks here whether it has arrived.

const queryConsumerOffset = 14

// awaitStored waits until the brokers have stored that a group is done with this many messages of a topic.
func (s *scene) awaitStored(group, topic string, messages int64) {
	expect.Eventually("the messages of "+topic+" that are stored as done", messages, func() any {
		done := int64(0)
		for _, queue := range s.queues(topic) {
			offset, err := storedOffset(s.servers.address(queue.BrokerName), group, topic, queue.QueueId)
			if err != nil {
				return err.Error()
			}
			done += offset
		}
		return done
	})
}

// storedOffset asks for one queue's offset. A queue without a stored offset counts as 0.
func storedOffset(address, group, topic string, queue int) (int64, error) {
	answer, _, err := ask(address, queryConsumerOffset, map[string]string{
		"consumerGroup": group, "topic": topic, "queueId": strconv.Itoa(queue), "setZeroIfNotFound": "false",
	})
	if err != nil || answer.Code != answerSuccess {
		return 0, err
	}
	return strconv.ParseInt(answer.ExtFields["offset"], 10, 64)
}
