package main

import (
	"context"

	"bolide.tests/clients/go-shared/expect"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// received is one message as a consumer got it; message is nil when another process got it.
type received struct {
	body    string
	queueID int
	message *primitive.MessageExt
}

func (r received) Body() string { return r.body }

type inbox struct{ expect.Inbox[received] }

// consume is the listener of a push consumer.
func (i *inbox) consume(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
	i.note(messages...)
	return consumer.ConsumeSuccess, nil
}

func (i *inbox) note(messages ...*primitive.MessageExt) {
	for _, message := range messages {
		i.Add(received{string(message.Body), message.Queue.QueueId, message})
	}
}
