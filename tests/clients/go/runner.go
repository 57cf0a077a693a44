package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"sync"
)

// runner is the process that started this one: it reads our lines, and restarts a server when a line
// `CONTROL restart NAME` asks for it, which it confirms with a line `done`.
type runner struct {
	mutex sync.Mutex
	out   io.Writer
	in    *bufio.Reader
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
func (r *runner) restart(broker string) {
	r.say("CONTROL restart %s", broker)
	answer, err := r.in.ReadString('\n')
	succeeds("the runner's answer", err)
	equal("the runner's answer to the restart", "done", strings.TrimSpace(answer))
}
