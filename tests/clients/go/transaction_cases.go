package main

import (
	"slices"
	"strings"
	"sync"
	"time"

	"bolide.tests/clients/go-shared/expect"
	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// Transactions: a message is seen if its producer commits it, at once or when it is asked, and never otherwise.
func transactionCases() []testCase {
	return []testCase{
		{name: "transaction-ends-when-asked", body: transactionAsked},
		{name: "transaction-other-producer-is-asked", body: transactionOtherProducer},
		{name: "transaction-left-alone-first", body: transactionImmunity},
		{name: "transaction-over-a-restart", body: transactionOverRestart, restarts: true},
		{name: "transaction-commit-and-rollback", body: transactionEnded},
	}
}

// transactionListener says what the first word of a body asks for, and notes what it is asked.
type transactionListener struct {
	mutex sync.Mutex
	// whenAsked is what a check is told by body; what is missing stays unknown.
	whenAsked map[string]primitive.LocalTransactionState
	checks    []string
}

func newTransactionListener() *transactionListener {
	return &transactionListener{whenAsked: map[string]primitive.LocalTransactionState{}}
}

func (l *transactionListener) ExecuteLocalTransaction(message *primitive.Message) primitive.LocalTransactionState {
	switch word, _, _ := strings.Cut(string(message.Body), "-"); word {
	case "commit":
		return primitive.CommitMessageState
	case "rollback":
		return primitive.RollbackMessageState
	default:
		return primitive.UnknowState
	}
}

func (l *transactionListener) CheckLocalTransaction(message *primitive.MessageExt) primitive.LocalTransactionState {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.checks = append(l.checks, string(message.Body))
	if state, agreed := l.whenAsked[string(message.Body)]; agreed {
		return state
	}
	return primitive.UnknowState
}

func (l *transactionListener) agree(body string, state primitive.LocalTransactionState) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.whenAsked[body] = state
}

func (l *transactionListener) checksOf(body string) int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return len(slices.DeleteFunc(slices.Clone(l.checks), func(one string) bool { return one != body }))
}

func (s *scene) transactionProducer(listener *transactionListener) rocketmq.TransactionProducer {
	created, err := rocketmq.NewTransactionProducer(listener, producer.WithNameServer([]string{s.options.nameServer}),
		producer.WithGroupName(s.unique("producer")), producer.WithInstanceName(s.instance()))
	expect.Succeeds("a new transaction producer", err)
	expect.Succeeds("the producer's start", created.Start())
	return created
}

func (s *scene) startTransactionProducer(listener *transactionListener) rocketmq.TransactionProducer {
	created := s.transactionProducer(listener)
	s.closing(func() { _ = created.Shutdown() })
	return created
}

func sendInTransaction(sender rocketmq.TransactionProducer, topic, body string) {
	ctx, cancel := deadline()
	defer cancel()
	result, err := sender.SendMessageInTransaction(ctx, newMessage(topic, body).WithTag("tag").WithKeys([]string{"key-" + body}))
	expect.Succeeds("sending "+body, err)
	expect.Equal("the status of "+body, primitive.SendOK, result.Status)
}

func transactionEnded(s *scene) {
	topic := s.topic(2)
	listener := newTransactionListener()
	sender := s.startTransactionProducer(listener)
	_, inbox := s.push(s.group(), topic, "tag")
	for i, body := range numbered("commit", 5) {
		sendInTransaction(sender, topic, body)
		sendInTransaction(sender, topic, numbered("rollback", 5)[i])
	}
	inbox.AwaitAll(numbered("commit", 5))
	listener.agree("last", primitive.CommitMessageState)
	sendInTransaction(sender, topic, "last")
	inbox.AwaitExactly(append(numbered("commit", 5), "last"))
	message := inbox.Snapshot()[0].message
	expect.Equal("the topic", topic, message.Topic)
	expect.Equal("the key", "key-"+string(message.Body), message.GetKeys())
}

func transactionAsked(s *scene) {
	topic := s.topic(1)
	listener := newTransactionListener()
	sender := s.startTransactionProducer(listener)
	_, inbox := s.push(s.group(), topic, "*")
	listener.agree("drop", primitive.RollbackMessageState)
	sendInTransaction(sender, topic, "keep")
	sendInTransaction(sender, topic, "drop")
	expect.Eventually("a check of the transaction that stays unknown", true, func() any { return listener.checksOf("keep") >= 1 })
	expect.Eventually("a check of the other one", true, func() any { return listener.checksOf("drop") >= 1 })
	expect.Equal("what was received before a commit", []string{}, inbox.Bodies())
	listener.agree("keep", primitive.CommitMessageState)
	inbox.AwaitExactly([]string{"keep"})
	// A check may have been on its way while the answer to the one before was; what is asked later shows that it was the last.
	listener.agree("settled", primitive.CommitMessageState)
	sendInTransaction(sender, topic, "settled")
	inbox.AwaitExactly([]string{"keep", "settled"})
	checks := listener.checksOf("drop")
	listener.agree("later", primitive.CommitMessageState)
	sendInTransaction(sender, topic, "later")
	inbox.AwaitExactly([]string{"keep", "settled", "later"})
	expect.Equal("checks after the rollback", checks, listener.checksOf("drop"))
}

func transactionOtherProducer(s *scene) {
	topic := s.topic(1)
	_, inbox := s.push(s.group(), topic, "*")
	first := s.transactionProducer(newTransactionListener())
	sendInTransaction(first, topic, "orphan")
	expect.Succeeds("the first producer's end", first.Shutdown())
	alive := newTransactionListener()
	alive.agree("orphan", primitive.CommitMessageState)
	sendInTransaction(s.startTransactionProducer(alive), topic, "commit-own")
	inbox.AwaitExactly([]string{"orphan", "commit-own"})
	expect.Holds("a check of the living producer", alive.checksOf("orphan") >= 1, alive.checks)
}

// transactionImmunity: a producer may ask to be left alone for longer than others; this client sets the property.
func transactionImmunity(s *scene) {
	topic := s.topic(1)
	listener := newTransactionListener()
	listener.agree("patient", primitive.CommitMessageState)
	listener.agree("hasty", primitive.CommitMessageState)
	sender := s.startTransactionProducer(listener)
	_, inbox := s.push(s.group(), topic, "*")
	ctx, cancel := deadline()
	defer cancel()
	patient := newMessage(topic, "patient")
	patient.WithProperty("CHECK_IMMUNITY_TIME_IN_SECONDS", "8")
	started := time.Now()
	_, err := sender.SendMessageInTransaction(ctx, patient)
	expect.Succeeds("sending patient", err)
	sendInTransaction(sender, topic, "hasty")
	inbox.AwaitExactly([]string{"hasty", "patient"})
	expect.Holds("8 s without a question", time.Since(started) >= 8*time.Second, time.Since(started))
}

func transactionOverRestart(s *scene) {
	s.withRestartableBroker(func(broker string) {
		topic := s.createTopic(s.unique("topic"), 1, broker)
		listener := newTransactionListener()
		sender := s.startTransactionProducer(listener)
		_, inbox := s.push(s.group(), topic, "*")
		sendInTransaction(sender, topic, "commit-before")
		sendInTransaction(sender, topic, "rollback-before")
		sendInTransaction(sender, topic, "open")
		inbox.AwaitAll([]string{"commit-before"})
		s.restartBroker(topic)
		listener.agree("open", primitive.CommitMessageState)
		inbox.AwaitAll([]string{"open"})
		expect.Equal("each body that was received", []string{"commit-before", "open"}, slices.Compact(expect.Sorted(inbox.Bodies())))
	})
}
