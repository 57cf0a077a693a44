package main

import (
	"fmt"
	"slices"
	"sync/atomic"

	"bolide.tests/clients/go-shared/expect"
)

var rounds atomic.Int64

// awaitDivision sends one probe to each queue, again and again, until the members together get all of one round's probes
// and their shares have these sizes, in the members' order or another.
func (s *scene) awaitDivision(topic string, members []*inbox, shares ...int) {
	queues := s.queues(topic)
	slices.Sort(shares)
	expect.Eventually("the shares of the members", shares, func() any {
		round := rounds.Add(1)
		probes := []string{}
		for _, queue := range queues {
			body := fmt.Sprintf("probe-%d-%s-%d", round, queue.BrokerName, queue.QueueId)
			_, err := s.sendTo(queue, newMessage(topic, body))
			expect.Succeeds("sending a probe", err)
			probes = append(probes, body)
		}
		expect.Eventually("the probes of the round that nobody received", []string{}, func() any {
			return slices.DeleteFunc(slices.Clone(probes), func(body string) bool {
				return slices.ContainsFunc(members, func(one *inbox) bool { return one.Contains(body) })
			})
		})
		sizes := []int{}
		for _, one := range members {
			bodies := one.Bodies()
			mine := 0
			for _, body := range probes {
				if slices.Contains(bodies, body) {
					mine++
				}
			}
			sizes = append(sizes, mine)
		}
		slices.Sort(sizes)
		return sizes
	})
}
