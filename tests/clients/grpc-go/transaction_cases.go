package main

import (
	"os"
	"os/exec"
	"sync"

	"bolide.tests/clients/go-shared/expect"
	client "github.com/apache/rocketmq-clients/golang/v5"
)

// Messages that nobody sees before their transaction is committed.
func transactionCases() []testCase {
	return []testCase{
		{name: "transaction-after-producer-died", body: producerDied},
		{name: "transaction-checked", body: transactionChecked},
		{name: "transaction-ended", body: transactionEnded},
	}
}

// checker answers checks as it was told to for each body; unknown otherwise.
type checker struct {
	mutex     sync.Mutex
	whenAsked map[string]client.TransactionResolution
	checks    []*client.MessageView
}

func (c *checker) tell(body string, answer client.TransactionResolution) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.whenAsked == nil {
		c.whenAsked = map[string]client.TransactionResolution{}
	}
	c.whenAsked[body] = answer
}

func (c *checker) check(message *client.MessageView) client.TransactionResolution {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.checks = append(c.checks, message)
	return c.whenAsked[string(message.GetBody())]
}

func (c *checker) of(body string) []*client.MessageView {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var found []*client.MessageView
	for _, one := range c.checks {
		if string(one.GetBody()) == body {
			found = append(found, one)
		}
	}
	return found
}

func (s *scene) transactionProducer(topic string, checker *checker) client.Producer {
	return s.newProducer(s.config(""), client.WithTopics(topic), client.WithTransactionChecker(&client.TransactionChecker{Check: checker.check}))
}

func half(producer client.Producer, topic, body string) (client.Transaction, *client.SendReceipt) {
	message := newMessage(topic, body)
	message.SetTag("tag")
	message.SetKeys("key-" + body)
	message.AddProperty("mine", "value-"+body)
	ctx, cancel := deadline()
	defer cancel()
	transaction := producer.BeginTransaction()
	receipts, err := producer.SendWithTransaction(ctx, message, transaction)
	expect.Succeeds("sending "+body, err)
	return transaction, receipts[0]
}

func transactionEnded(s *scene) {
	topic := s.topic("TRANSACTION", 2)
	checker := &checker{}
	producer := s.transactionProducer(topic, checker)
	inbox := s.push(s.group(), topic, client.SUB_ALL, succeed)
	var last *client.SendReceipt
	for i := range 5 {
		committed, receipt := half(producer, topic, numbered("commit", 5)[i])
		expect.Succeeds("a commit", committed.Commit())
		rolledBack, _ := half(producer, topic, numbered("rollback", 5)[i])
		expect.Succeeds("a rollback", rolledBack.RollBack())
		last = receipt
	}
	inbox.AwaitAll(numbered("commit", 5))
	// Whoever is asked later would have been asked about the others too.
	checker.tell("last", client.COMMIT)
	half(producer, topic, "last")
	inbox.AwaitAll([]string{"last"})
	expect.Equal("the messages that were received", 6, len(inbox.Snapshot()))
	received := inbox.Of("commit-4")[0].message
	expect.Equal("the topic", topic, received.GetTopic())
	expect.Equal("the id", last.MessageID, received.GetMessageId())
	expect.Equal("the tag", "tag", *received.GetTag())
	expect.Equal("the keys", []string{"key-commit-4"}, received.GetKeys())
	expect.Equal("the property", "value-commit-4", received.GetProperties()["mine"])
}

func transactionChecked(s *scene) {
	topic := s.topic("TRANSACTION", 1)
	checker := &checker{}
	producer := s.transactionProducer(topic, checker)
	inbox := s.push(s.group(), topic, client.SUB_ALL, succeed)
	checker.tell("rollback", client.ROLLBACK)
	_, sent := half(producer, topic, "commit")
	half(producer, topic, "rollback")
	expect.Eventually("several checks of the transaction that stays unknown", true, func() any { return len(checker.of("commit")) >= 2 })
	expect.Eventually("the checks of the other one", 1, func() any { return len(checker.of("rollback")) })
	expect.Equal("what was received before a commit", []string{}, inbox.Bodies())
	checker.tell("commit", client.COMMIT)
	inbox.AwaitExactly([]string{"commit"})
	check := checker.of("commit")[0]
	expect.Equal("the topic that the producer is asked about", topic, check.GetTopic())
	expect.Equal("the message that it is asked about", sent.MessageID, check.GetMessageId())
	expect.Equal("the tag", "tag", *check.GetTag())
	expect.Equal("the property", "value-commit", check.GetProperties()["mine"])
}

// producerDied: the half message's producer was killed before it could say how its transaction ended, so that another
// one of the topic is asked.
func producerDied(s *scene) {
	topic := s.topic("TRANSACTION", 1)
	inbox := s.push(s.group(), topic, client.SUB_ALL, succeed)
	program, err := os.Executable()
	expect.Succeeds("the program's path", err)
	at := s.address(s.broker)
	child := exec.Command(program, "orphan", "-brokers", s.broker+"="+at.remoting+"/"+at.grpc, "-broker", s.broker, "-topic", topic, "-work", s.options.work)
	child.Stderr = os.Stderr
	expect.Succeeds("the other process", child.Run())
	checker := &checker{}
	checker.tell("orphan", client.COMMIT)
	s.transactionProducer(topic, checker)
	inbox.AwaitExactly([]string{"orphan"})
	expect.Holds("a check of the living producer", len(checker.of("orphan")) >= 1, "none")
}

// leaveBehind is the other process of the case above.
func leaveBehind(o *options) {
	s := newScene("orphan", o, nil)
	half(s.transactionProducer(o.topic, &checker{}), o.topic, "orphan")
	// No farewell to the server.
	os.Exit(0)
}
