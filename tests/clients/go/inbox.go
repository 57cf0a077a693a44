package main

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// received is one message as a consumer got it; message is nil when another process got it.
type received struct {
	body    string
	queueID int
	message *primitive.MessageExt
}

// inbox is what one consumer has received so far, in the order in which it was handed over.
type inbox struct {
	mutex sync.Mutex
	all   []received
}

func (i *inbox) add(one received) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.all = append(i.all, one)
}

// consume is the listener of a push consumer.
func (i *inbox) consume(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
	i.note(messages...)
	return consumer.ConsumeSuccess, nil
}

func (i *inbox) note(messages ...*primitive.MessageExt) {
	for _, message := range messages {
		i.add(received{string(message.Body), message.Queue.QueueId, message})
	}
}

func (i *inbox) snapshot() []received {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return slices.Clone(i.all)
}

func (i *inbox) bodies() []string {
	bodies := []string{}
	for _, one := range i.snapshot() {
		bodies = append(bodies, one.body)
	}
	return bodies
}

func (i *inbox) contains(body string) bool {
	return slices.Contains(i.bodies(), body)
}

// awaitCount waits for this many messages.
func (i *inbox) awaitCount(count int) {
	eventually(fmt.Sprintf("%d received messages", count), true, func() any {
		bodies := i.bodies()
		if len(bodies) >= count {
			return true
		}
		return bodies
	})
}

// awaitExactly waits for all of these bodies and accepts no other, and none twice. The order does not matter.
func (i *inbox) awaitExactly(bodies []string) {
	i.awaitCount(len(bodies))
	equal("the received bodies, sorted", sorted(bodies), sorted(i.bodies()))
}

// awaitInOrder waits for all of these bodies in this order and accepts no other.
func (i *inbox) awaitInOrder(bodies []string) {
	i.awaitCount(len(bodies))
	equal("the received bodies", bodies, i.bodies())
}

// awaitAll waits until each of these bodies came at least once, whatever else came.
func (i *inbox) awaitAll(bodies []string) {
	eventually("the bodies that have not come", []string{}, func() any {
		missing := []string{}
		seen := i.bodies()
		for _, body := range bodies {
			if !slices.Contains(seen, body) {
				missing = append(missing, body)
			}
		}
		return missing
	})
}
