package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"bolide.tests/clients/go-shared/expect"
	"bolide.tests/clients/go-shared/program"
	client "github.com/apache/rocketmq-clients/golang/v5"
	"github.com/apache/rocketmq-clients/golang/v5/credentials"
)

// retries is how often a message of a group that says nothing else comes again.
const retries = 16

// oneAtATime makes the cases that restart the one restartable broker take turns.
var oneAtATime sync.Mutex

// scene is the stage of one case: names of its own, and clients that are shut down when the case ends.
type scene struct {
	name    string
	options *options
	runner  *program.Runner
	// broker is the one that this case uses.
	broker string
	open   []func() error
	sender client.Producer
}

func newScene(name string, o *options, runner *program.Runner) *scene {
	return &scene{name: name, options: o, runner: runner, broker: o.broker}
}

// close does not wait: a push consumer ends when its last poll has ended, which may take half a minute.
func (s *scene) close() {
	open := s.open
	go func() {
		for i := len(open) - 1; i >= 0; i-- {
			_ = open[i]()
		}
	}()
}

func (s *scene) closing(action func() error) { s.open = append(s.open, action) }

// unique returns a name that no other case and no other run uses.
func (s *scene) unique(part string) string { return s.name + "-" + part + "-" + s.options.run }

func (s *scene) address(broker string) address { return s.options.brokers[broker] }

// topic creates a topic for messages of this type, NORMAL, FIFO, DELAY or TRANSACTION, on the case's broker.
func (s *scene) topic(messageType string, queues int) string {
	return s.createTopic(s.unique("topic"), messageType, queues, s.broker)
}

// createTopic creates a topic with this many queues on each broker, and waits until the name server knows of it.
func (s *scene) createTopic(topic, messageType string, queues int, brokers ...string) string {
	for _, broker := range brokers {
		expect.Succeeds("the creation of "+topic, createTopic(s.address(broker).remoting, topic, messageType, queues))
	}
	expect.EventuallySucceeds("the route of "+topic, func() error { return routed(s.options.nameServer, topic) })
	return topic
}

// group creates a group whose failed messages come again after a second.
func (s *scene) group() string { return s.createGroup(s.unique("group"), false, retries, s.broker) }

// orderlyGroup creates a group that gets the messages of a message group one after the other.
func (s *scene) orderlyGroup() string {
	return s.createGroup(s.unique("group"), true, retries, s.broker)
}

func (s *scene) createGroup(group string, orderly bool, retries int, brokers ...string) string {
	for _, broker := range brokers {
		expect.Succeeds("the creation of "+group, createGroup(s.address(broker).remoting, group, orderly, retries))
	}
	return group
}

func (s *scene) config(group string) *client.Config {
	return configFor(s.address(s.broker).grpc, group)
}

func configFor(endpoint, group string) *client.Config {
	return &client.Config{Endpoint: endpoint, ConsumerGroup: group, Credentials: &credentials.SessionCredentials{}}
}

func deadline() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 30*time.Second)
}

func (s *scene) newProducer(config *client.Config, settings ...client.ProducerOption) client.Producer {
	created, err := client.NewProducer(config, settings...)
	expect.Succeeds("a new producer", err)
	expect.Succeeds("the producer's start", created.Start())
	s.closing(created.GracefulStop)
	return created
}

// producer returns the case's producer, which is made for this topic.
func (s *scene) producer(topic string) client.Producer {
	if s.sender == nil {
		s.sender = s.newProducer(s.config(""), client.WithTopics(topic))
	}
	return s.sender
}

// trySend sends one message with the case's producer.
func (s *scene) trySend(message *client.Message) (*client.SendReceipt, error) {
	ctx, cancel := deadline()
	defer cancel()
	receipts, err := s.producer(message.Topic).Send(ctx, message)
	if err != nil {
		return nil, err
	}
	return receipts[0], nil
}

// send sends these messages in this order, each as soon as the one before was acknowledged.
func (s *scene) send(messages ...*client.Message) []*client.SendReceipt {
	var receipts []*client.SendReceipt
	for _, message := range messages {
		receipt, err := s.trySend(message)
		expect.Succeeds("sending "+expect.Shorten(string(message.Body)), err)
		receipts = append(receipts, receipt)
	}
	return receipts
}

func (s *scene) sendBodies(topic string, bodies ...string) []*client.SendReceipt {
	var messages []*client.Message
	for _, body := range bodies {
		messages = append(messages, newMessage(topic, body))
	}
	return s.send(messages...)
}

func newMessage(topic, body string) *client.Message {
	return &client.Message{Topic: topic, Body: []byte(body)}
}

func newGroupedMessage(topic, body, messageGroup string) *client.Message {
	message := newMessage(topic, body)
	message.SetMessageGroup(messageGroup)
	return message
}

// numbered returns the bodies prefix-0, prefix-1, …
func numbered(prefix string, count int) []string {
	bodies := []string{}
	for i := range count {
		bodies = append(bodies, fmt.Sprintf("%s-%d", prefix, i))
	}
	return bodies
}

func succeed(*client.MessageView) client.ConsumerResult { return client.SUCCESS }

// push starts a push consumer whose messages go to the returned inbox and then to the listener.
func (s *scene) push(group, topic string, filter *client.FilterExpression, listener func(*client.MessageView) client.ConsumerResult) *inbox {
	return s.pushFrom(s.config(group), topic, filter, listener)
}

func (s *scene) pushFrom(config *client.Config, topic string, filter *client.FilterExpression, listener func(*client.MessageView) client.ConsumerResult) *inbox {
	collected := &inbox{}
	created, err := client.NewPushConsumer(config,
		client.WithPushAwaitDuration(5*time.Second), client.WithPushConsumptionThreadCount(4),
		client.WithPushSubscriptionExpressions(map[string]*client.FilterExpression{topic: filter}),
		client.WithPushMessageListener(&client.FuncMessageListener{Consume: func(message *client.MessageView) client.ConsumerResult {
			collected.add(message)
			return listener(message)
		}}))
	expect.Succeeds("a new push consumer", err)
	expect.Succeeds("the push consumer's start", created.Start())
	s.closing(created.GracefulStop)
	return collected
}

// simple starts a simple consumer that waits five seconds for messages, the shortest time that servers wait.
func (s *scene) simple(group, topic string) client.SimpleConsumer {
	created, err := client.NewSimpleConsumer(s.config(group), client.WithSimpleAwaitDuration(5*time.Second),
		client.WithSimpleSubscriptionExpressions(map[string]*client.FilterExpression{topic: client.SUB_ALL}))
	expect.Succeeds("a new simple consumer", err)
	expect.Succeeds("the simple consumer's start", created.Start())
	s.closing(created.GracefulStop)
	return created
}

// withRestartableBroker runs body with the restartable broker, while no other case uses that.
func (s *scene) withRestartableBroker(body func()) {
	oneAtATime.Lock()
	defer oneAtATime.Unlock()
	s.broker = s.options.restartable
	body()
}
