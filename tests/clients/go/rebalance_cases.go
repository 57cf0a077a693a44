package main

import "bolide.tests/clients/go-shared/expect"

// A group divides the queues anew when members come, leave and die.
func rebalanceCases() []testCase {
	return []testCase{
		{name: "rebalance-when-a-member-joins-and-leaves", body: joinAndLeave},
		{name: "rebalance-when-a-member-is-killed", body: memberKilled},
	}
}

func joinAndLeave(s *scene) {
	topic := s.topic(4)
	_, first := s.push(s.group(), topic, "*")
	s.awaitDivision(topic, []*inbox{first}, 4)
	leaving, second := s.push(s.group(), topic, "*")
	s.awaitDivision(topic, []*inbox{first, second}, 2, 2)
	expect.Succeeds("leaving", leaving.Shutdown())
	s.awaitDivision(topic, []*inbox{first, second}, 0, 4)
	bodies := numbered("after", 8)
	s.send(topic, bodies...)
	first.AwaitAll(bodies)
}

func memberKilled(s *scene) {
	topic := s.topic(4)
	_, first := s.push(s.group(), topic, "*")
	second := s.startMember(s.group(), topic)
	s.awaitDivision(topic, []*inbox{first, second.inbox}, 2, 2)
	second.kill()
	s.awaitDivision(topic, []*inbox{first, second.inbox}, 0, 4)
	bodies := numbered("after", 8)
	s.send(topic, bodies...)
	first.AwaitAll(bodies)
}
