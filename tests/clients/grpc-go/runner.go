package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"sync"
)

// runner is the process that started this one: it reads our lines, and restarts or kills a server when a line
// `CONTROL restart NAME` or `CONTROL kill NAME` asks for it, which it confirms with a line `done`.
type runner struct {
	mutex  sync.Mutex
	out    io.Writer
	orders sync.Mutex
	in     *bufio.Reader
}

func newRunner(out io.Writer, in io.Reader) *runner {
	return &runner{out: out, in: bufio.NewReader(in)}
}

func (r *runner) say(format string, arguments ...any) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	fmt.Fprintf(r.out, format+"\n", arguments...)
}

// restart returns when the server is ready again.
func (r *runner) restart(broker string) { r.order("restart " + broker) }

// kill returns when the server is gone, for good.
func (r *runner) kill(broker string) { r.order("kill " + broker) }

// order gives one order at a time, because answers do not say which order they belong to.
func (r *runner) order(order string) {
	r.orders.Lock()
	defer r.orders.Unlock()
	r.say("CONTROL %s", order)
	answer, err := r.in.ReadString('\n')
	succeeds("the runner's answer", err)
	equal("the runner's answer to "+order, "done", strings.TrimSpace(answer))
}
