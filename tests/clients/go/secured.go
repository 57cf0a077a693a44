package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// securedMessages is how many messages a client with keys sends and consumes.
const securedMessages = 3

// runSecured is one client with the keys of its command line, or without: sends messages to the topic and consumes them. It prints
// `served`, or `refused` and why.
func runSecured(o *options) {
	keys := primitive.Credentials{AccessKey: o.accessKey, SecretKey: o.secretKey}
	err := sendSecured(o, keys)
	if err == nil {
		err = consumeSecured(o, keys)
	}
	if err != nil {
		fmt.Println("refused: " + strings.ReplaceAll(err.Error(), "\n", " "))
		return
	}
	fmt.Println("served")
}

func sendSecured(o *options, keys primitive.Credentials) error {
	settings := []producer.Option{
		producer.WithNameServer([]string{o.nameServer}), producer.WithGroupName("producers-of-" + o.topic),
		producer.WithSendMsgTimeout(30 * time.Second), producer.WithRetry(0),
	}
	if keys.AccessKey != "" {
		settings = append(settings, producer.WithCredentials(keys))
	}
	sender, err := rocketmq.NewProducer(settings...)
	if err != nil {
		return err
	}
	if err := sender.Start(); err != nil {
		return err
	}
	defer sender.Shutdown()
	for number := range securedMessages {
		message := primitive.NewMessage(o.topic, fmt.Appendf(nil, "body-%d", number))
		if _, err := sender.SendSync(context.Background(), message); err != nil {
			return err
		}
	}
	return nil
}

func consumeSecured(o *options, keys primitive.Credentials) error {
	settings := []consumer.Option{
		consumer.WithNameServer([]string{o.nameServer}), consumer.WithGroupName("consumers-of-" + o.topic),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	}
	if keys.AccessKey != "" {
		settings = append(settings, consumer.WithCredentials(keys))
	}
	receiver, err := rocketmq.NewPushConsumer(settings...)
	if err != nil {
		return err
	}
	var mutex sync.Mutex
	bodies := map[string]bool{}
	all := make(chan struct{})
	take := func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		mutex.Lock()
		defer mutex.Unlock()
		for _, message := range messages {
			if bodies[string(message.Body)] = true; len(bodies) == securedMessages {
				select {
				case <-all:
				default:
					close(all)
				}
			}
		}
		return consumer.ConsumeSuccess, nil
	}
	if err := receiver.Subscribe(o.topic, consumer.MessageSelector{}, take); err != nil {
		return err
	}
	if err := receiver.Start(); err != nil {
		return err
	}
	defer receiver.Shutdown()
	select {
	case <-all:
		return nil
	case <-time.After(time.Minute):
		return fmt.Errorf("not all messages came within a minute")
	}
}
