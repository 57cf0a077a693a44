package expect

import (
	"fmt"
	"slices"
	"sync"
)

// Received is one message as a consumer got it.
type Received interface{ Body() string }

// Inbox is what one consumer has received so far, in the order in which it was handed over.
type Inbox[R Received] struct {
	mutex sync.Mutex
	all   []R
}

// Add notes one more message.
func (i *Inbox[R]) Add(one R) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.all = append(i.all, one)
}

// Snapshot returns all messages so far.
func (i *Inbox[R]) Snapshot() []R {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return slices.Clone(i.all)
}

// Bodies returns the bodies of all messages so far.
func (i *Inbox[R]) Bodies() []string {
	bodies := []string{}
	for _, one := range i.Snapshot() {
		bodies = append(bodies, one.Body())
	}
	return bodies
}

// Contains tells whether a message with this body has come.
func (i *Inbox[R]) Contains(body string) bool { return slices.Contains(i.Bodies(), body) }

// Of returns what came with this body.
func (i *Inbox[R]) Of(body string) []R {
	return slices.DeleteFunc(i.Snapshot(), func(one R) bool { return one.Body() != body })
}

// AwaitCount waits for this many messages.
func (i *Inbox[R]) AwaitCount(count int) {
	Eventually(fmt.Sprintf("%d received messages", count), true, func() any {
		bodies := i.Bodies()
		if len(bodies) >= count {
			return true
		}
		return bodies
	})
}

// AwaitExactly waits for all of these bodies and accepts no other, and none twice. The order does not matter.
func (i *Inbox[R]) AwaitExactly(bodies []string) {
	i.AwaitCount(len(bodies))
	Equal("the received bodies, sorted", Sorted(bodies), Sorted(i.Bodies()))
}

// AwaitInOrder waits for all of these bodies in this order and accepts no other.
func (i *Inbox[R]) AwaitInOrder(bodies []string) {
	i.AwaitCount(len(bodies))
	Equal("the received bodies", bodies, i.Bodies())
}

// AwaitAll waits until each of these bodies came at least once, whatever else came.
func (i *Inbox[R]) AwaitAll(bodies []string) {
	Eventually("the bodies that have not come", []string{}, func() any {
		missing := []string{}
		seen := i.Bodies()
		for _, body := range bodies {
			if !slices.Contains(seen, body) {
				missing = append(missing, body)
			}
		}
		return missing
	})
}
