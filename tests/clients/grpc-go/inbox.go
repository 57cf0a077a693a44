package main

import (
	"fmt"
	"slices"
	"sync"
	"time"

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

// inbox is what one consumer has received so far, in the order in which it was handed over.
type inbox struct {
	mutex sync.Mutex
	all   []received
}

func (i *inbox) add(message *client.MessageView) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.all = append(i.all, received{string(message.GetBody()), time.Now(), message.GetDeliveryAttempt(), message})
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

// of returns what came with this body.
func (i *inbox) of(body string) []received {
	return slices.DeleteFunc(i.snapshot(), func(one received) bool { return one.body != body })
}

func (i *inbox) attempts(body string) []int32 {
	attempts := []int32{}
	for _, one := range i.of(body) {
		attempts = append(attempts, one.attempt)
	}
	return attempts
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
