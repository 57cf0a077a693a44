package program

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"sync"

	"bolide.tests/clients/go-shared/expect"
)

// Runner is the process that started this one: it reads our lines, and restarts or kills a server when a line
// `CONTROL restart NAME` or `CONTROL kill NAME` asks for it, which it confirms with a line `done`.
type Runner struct {
	mutex  sync.Mutex
	out    io.Writer
	orders sync.Mutex
	in     *bufio.Reader
}

// NewRunner talks over these.
func NewRunner(out io.Writer, in io.Reader) *Runner {
	return &Runner{out: out, in: bufio.NewReader(in)}
}

func (r *Runner) say(format string, arguments ...any) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	fmt.Fprintf(r.out, format+"\n", arguments...)
}

// Restart returns when the server is ready again.
func (r *Runner) Restart(broker string) { r.order("restart " + broker) }

// Kill returns when the server is gone, for good.
func (r *Runner) Kill(broker string) { r.order("kill " + broker) }

// order gives one order at a time, because answers do not say which order they belong to.
func (r *Runner) order(order string) {
	r.orders.Lock()
	defer r.orders.Unlock()
	r.say("CONTROL %s", order)
	answer, err := r.in.ReadString('\n')
	expect.Succeeds("the runner's answer", err)
	expect.Equal("the runner's answer to "+order, "done", strings.TrimSpace(answer))
}
