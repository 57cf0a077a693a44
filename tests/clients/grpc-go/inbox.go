package main

import (
	"time"

	"bolide.tests/clients/go-shared/expect"
	client "github.com/apache/rocketmq-clients/golang/v5"
)

// received is one message as a consumer got it, when, and for the how manieth time: the client counts on in the message
// itself.
type received struct {
	body    string
	at      time.Time
	attempt int32
	message *client.MessageView
}

func (r received) Body() string { return r.body }

type inbox struct{ expect.Inbox[received] }

func (i *inbox) add(message *client.MessageView) {
	i.Add(received{string(message.GetBody()), time.Now(), message.GetDeliveryAttempt(), message})
}

func (i *inbox) attempts(body string) []int32 {
	attempts := []int32{}
	for _, one := range i.Of(body) {
		attempts = append(attempts, one.attempt)
	}
	return attempts
}
