package main

import (
	"fmt"
	"strings"
	"time"

	"bolide.tests/clients/go-shared/expect"
)

// Messages with a delivery time of their own: this client has no method for them, so that its users set the properties.
func timerCases() []testCase {
	return []testCase{
		{name: "timer-by-property", body: timerByProperty},
		{name: "timer-refused", body: timerRefused},
	}
}

func timerByProperty(s *scene) {
	topic := s.topic(2)
	_, inbox := s.push(s.group(), topic, "*")
	due := map[string]int64{}
	bodies := []string{}
	for _, name := range []string{"TIMER_DELAY_SEC", "TIMER_DELAY_MS", "TIMER_DELIVER_MS", "__STARTDELIVERTIME"} {
		now := time.Now().UnixMilli()
		value := map[string]string{"TIMER_DELAY_SEC": "2", "TIMER_DELAY_MS": "2000"}[name]
		if value == "" {
			value = fmt.Sprint(now + 2000)
		}
		s.sendTimed(topic, name, name, value)
		due[name] = now + 2000
		bodies = append(bodies, name)
	}
	inbox.AwaitExactly(bodies)
	for _, one := range inbox.Snapshot() {
		early := due[one.body] - one.message.StoreTimestamp
		expect.Holds(one.body+" not to come early", early <= 0, fmt.Sprint(early, " ms early"))
	}
}

func timerRefused(s *scene) {
	topic := s.topic(1)
	far := fmt.Sprint(time.Now().UnixMilli() + 41*86_400_000)
	for name, value := range map[string]string{"TIMER_DELAY_SEC": "3456010", "TIMER_DELAY_MS": "soon", "__STARTDELIVERTIME": far} {
		message := newMessage(topic, "never")
		message.WithProperty(name, value)
		_, err := s.trySend(message)
		text := expect.Refused(name+"="+value, err).Error()
		expect.Holds("the refusal to say why", strings.Contains(text, "timer message illegal"), text)
	}
}

func (s *scene) sendTimed(topic, body, name, value string) {
	message := newMessage(topic, body)
	message.WithProperty(name, value)
	_, err := s.trySend(message)
	expect.Succeeds("sending "+body, err)
}
