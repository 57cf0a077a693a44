package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"bolide.tests/clients/go-shared/expect"
	"bolide.tests/clients/go-shared/program"
	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/admin"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

var instances atomic.Int64

// scene is the stage of one case: names of its own, and clients that are shut down when the case ends.
type scene struct {
	name    string
	servers *servers
	options *options
	runner  *program.Runner
	open    []func()
	sender  rocketmq.Producer
	chooser rocketmq.Producer
}

func newScene(name string, servers *servers, o *options, runner *program.Runner) *scene {
	return &scene{name: name, servers: servers, options: o, runner: runner}
}

// close shuts everything down; the last opened goes first.
func (s *scene) close() {
	for i := len(s.open) - 1; i >= 0; i-- {
		s.open[i]()
	}
}

func (s *scene) closing(action func()) { s.open = append(s.open, action) }

// unique returns a name that no other case and no other run uses.
func (s *scene) unique(part string) string { return s.name + "-" + part + "-" + s.options.run }

func (s *scene) group() string { return s.unique("group") }

// instance returns a client's own name: clients of one name share connections and group membership. It names the run too, because
// programs that run side by side against one cluster would get each other's replies.
func (s *scene) instance() string { return fmt.Sprintf("%s-%d", s.unique("client"), instances.Add(1)) }

// topic creates a topic on the cluster's ordinary broker.
func (s *scene) topic(queues int) string {
	return s.createTopic(s.unique("topic"), queues, s.servers.broker())
}

// createTopic creates a topic with this many queues on each broker, and waits until the name server knows of all.
func (s *scene) createTopic(topic string, queues int, brokers ...string) string {
	for _, broker := range brokers {
		ctx, cancel := deadline()
		err := s.servers.admin.CreateTopic(ctx, admin.WithTopicCreate(topic), admin.WithBrokerAddrCreate(s.servers.address(broker)),
			admin.WithReadQueueNums(queues), admin.WithWriteQueueNums(queues))
		cancel()
		expect.Succeeds("the creation of "+topic, err)
	}
	expected := slices.Sorted(slices.Values(brokers))
	expect.Eventually("the brokers in the route of "+topic, expected, func() any { return s.routedBrokers(topic) })
	return topic
}

func (s *scene) routedBrokers(topic string) []string {
	names := map[string]bool{}
	for _, queue := range s.queuesOrNone(topic) {
		names[queue.BrokerName] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// queuesOrNone asks with a new client each time, because a client remembers a route for good.
func (s *scene) queuesOrNone(topic string) []*primitive.MessageQueue {
	asking := newAdmin(s.options)
	defer func() { _ = asking.Close() }()
	ctx, cancel := deadline()
	defer cancel()
	queues, err := asking.FetchPublishMessageQueues(ctx, topic)
	if err != nil {
		return nil
	}
	return queues
}

// queues returns all queues of a topic, on all its brokers.
func (s *scene) queues(topic string) []*primitive.MessageQueue {
	queues := s.queuesOrNone(topic)
	expect.Holds("queues of "+topic, len(queues) > 0, "none")
	return queues
}

func (s *scene) newProducer(settings ...producer.Option) rocketmq.Producer {
	settings = append([]producer.Option{
		producer.WithNameServer([]string{s.options.nameServer}), producer.WithGroupName(s.unique("producer")),
		producer.WithInstanceName(s.instance()), producer.WithSendMsgTimeout(expect.Call),
	}, settings...)
	created, err := rocketmq.NewProducer(settings...)
	expect.Succeeds("a new producer", err)
	expect.Succeeds("the producer's start", created.Start())
	s.closing(func() { _ = created.Shutdown() })
	return created
}

// producer returns the case's producer, which spreads messages over the queues.
func (s *scene) producer() rocketmq.Producer {
	if s.sender == nil {
		s.sender = s.newProducer()
	}
	return s.sender
}

// sendTo sends to the queue that the message names.
func (s *scene) sendTo(queue *primitive.MessageQueue, message *primitive.Message) (*primitive.SendResult, error) {
	if s.chooser == nil {
		s.chooser = s.newProducer(producer.WithQueueSelector(producer.NewManualQueueSelector()))
	}
	message.Queue = queue
	ctx, cancel := deadline()
	defer cancel()
	return s.chooser.SendSync(ctx, message)
}

// trySend sends one message with the case's producer.
func (s *scene) trySend(message *primitive.Message) (*primitive.SendResult, error) {
	ctx, cancel := deadline()
	defer cancel()
	return s.producer().SendSync(ctx, message)
}

// send sends these bodies in this order, each as soon as the one before was acknowledged, and returns the answers.
func (s *scene) send(topic string, bodies ...string) map[string]*primitive.SendResult {
	results := map[string]*primitive.SendResult{}
	for _, body := range bodies {
		result, err := s.trySend(newMessage(topic, body))
		expect.Succeeds("sending "+body, err)
		results[body] = result
	}
	return results
}

func newMessage(topic, body string) *primitive.Message {
	return primitive.NewMessage(topic, []byte(body))
}

// numbered returns the bodies prefix-0, prefix-1, …
func numbered(prefix string, count int) []string {
	bodies := []string{}
	for i := range count {
		bodies = append(bodies, fmt.Sprintf("%s-%d", prefix, i))
	}
	return bodies
}

// push starts a push consumer that succeeds with every message; unless changed, it begins with a queue's first message.
func (s *scene) push(group, topic, expression string, settings ...consumer.Option) (rocketmq.PushConsumer, *inbox) {
	collected := &inbox{}
	selector := consumer.MessageSelector{Type: consumer.TAG, Expression: expression}
	return s.listen(group, topic, selector, collected.consume, settings...), collected
}

type listener func(context.Context, ...*primitive.MessageExt) (consumer.ConsumeResult, error)

// listen starts a push consumer with a listener of the case's own.
func (s *scene) listen(group, topic string, selector consumer.MessageSelector, consume listener, settings ...consumer.Option) rocketmq.PushConsumer {
	settings = append([]consumer.Option{
		consumer.WithNameServer([]string{s.options.nameServer}), consumer.WithGroupName(group), consumer.WithInstance(s.instance()),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	}, settings...)
	created, err := rocketmq.NewPushConsumer(settings...)
	expect.Succeeds("a new push consumer", err)
	expect.Succeeds("the subscription", created.Subscribe(topic, selector, consume))
	expect.Succeeds("the push consumer's start", created.Start())
	s.closing(func() { _ = created.Shutdown() })
	return created
}

// pull starts a pull consumer.
func (s *scene) pull(group, topic, expression string) rocketmq.PullConsumer {
	created, err := rocketmq.NewPullConsumer(consumer.WithNameServer([]string{s.options.nameServer}), consumer.WithGroupName(group),
		consumer.WithInstance(s.instance()), consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset))
	expect.Succeeds("a new pull consumer", err)
	expect.Succeeds("the subscription", created.Subscribe(topic, consumer.MessageSelector{Type: consumer.TAG, Expression: expression}))
	expect.Succeeds("the pull consumer's start", created.Start())
	s.closing(func() { _ = created.Shutdown() })
	return created
}

// stored reads one message from where it was acknowledged, as soon as the broker lets it be read.
func (s *scene) stored(reader rocketmq.PullConsumer, result *primitive.SendResult) *primitive.MessageExt {
	var found *primitive.MessageExt
	expect.EventuallySucceeds(fmt.Sprintf("the message at %s offset %d", result.MessageQueue, result.QueueOffset), func() error {
		ctx, cancel := deadline()
		defer cancel()
		pulled, err := reader.PullFrom(ctx, result.MessageQueue, result.QueueOffset, 1)
		if err != nil {
			return err
		}
		if pulled.Status != primitive.PullFound {
			return fmt.Errorf("pull status %d", pulled.Status)
		}
		found = pulled.GetMessageExts()[0]
		return nil
	})
	return found
}

// storedFirst returns the first message of a topic with one queue, which may not be there yet.
func (s *scene) storedFirst(topic string) *primitive.MessageExt {
	queue := &primitive.MessageQueue{Topic: topic, BrokerName: s.servers.broker(), QueueId: 0}
	expect.Eventually("the topic "+topic, true, func() any { return len(s.queuesOrNone(topic)) > 0 })
	return s.stored(s.pull(s.unique("reader"), topic, "*"), &primitive.SendResult{MessageQueue: queue})
}

// awaitDone waits until a consumer counts all messages of a topic with one queue as done, of which all have been received.
// (Of several queues, the client leaves out those of which it has finished nothing.)
func (s *scene) awaitDone(member rocketmq.PushConsumer, topic string) {
	expect.Eventually("the number of messages that the consumer has not finished", int64(0), func() any {
		if behind, known := member.GetOffsetDiffMap()[topic]; known {
			return behind
		}
		return "unknown"
	})
}

// withRestartableBroker runs body while no other case uses the restartable broker.
func (s *scene) withRestartableBroker(body func(broker string)) {
	s.servers.restarts.Lock()
	defer s.servers.restarts.Unlock()
	body(s.options.restartable)
}

// restartBroker has the runner restart the restartable broker, and waits until the name server knows of it again.
func (s *scene) restartBroker(topic string) {
	s.runner.Restart(s.options.restartable)
	expect.Eventually("the route after the restart", []string{s.options.restartable}, func() any { return s.routedBrokers(topic) })
}
