package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"bolide.tests/clients/go-shared/expect"
	"bolide.tests/clients/go-shared/program"
	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// member belongs to a consumer group in a process of its own, so that it can be killed.
type member struct {
	inbox   *inbox
	process *exec.Cmd
}

func (s *scene) startMember(group, topic string) *member {
	program, err := os.Executable()
	expect.Succeeds("the path of this program", err)
	m := &member{inbox: &inbox{}}
	m.process = exec.Command(program, "member", "-namesrv", s.options.nameServer, "-topic", topic, "-group", group, "-work", s.options.work)
	lines, err := m.process.StdoutPipe()
	expect.Succeeds("the member's output", err)
	expect.Succeeds("the member's start", m.process.Start())
	s.closing(m.kill)
	go func() {
		scanner := bufio.NewScanner(lines)
		for scanner.Scan() {
			words := strings.SplitN(scanner.Text(), " ", 3)
			if len(words) == 3 && words[0] == "received" {
				queueID, _ := strconv.Atoi(words[1])
				m.inbox.Add(received{body: words[2], queueID: queueID})
			}
		}
	}()
	return m
}

// kill sends SIGKILL: the member says goodbye to nobody.
func (m *member) kill() {
	_ = m.process.Process.Kill()
	_ = m.process.Wait()
}

// runMember is the child's part: it consumes until it is killed and prints one line for each message.
func runMember(o *options) {
	created, err := rocketmq.NewPushConsumer(consumer.WithNameServer([]string{o.nameServer}), consumer.WithGroupName(o.group),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset))
	program.Check(err)
	program.Check(created.Subscribe(o.topic, consumer.MessageSelector{Type: consumer.TAG, Expression: "*"},
		func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
			for _, message := range messages {
				fmt.Printf("received %d %s\n", message.Queue.QueueId, message.Body)
			}
			return consumer.ConsumeSuccess, nil
		}))
	program.Check(created.Start())
	select {}
}
