// Package program runs cases, and talks with the process that wants to know what became of them.
package program

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"bolide.tests/clients/go-shared/expect"
)

// Case is one thing that a user does with a client.
type Case struct {
	Name string
	// Lacking is the option without which the case cannot run, if it is not there.
	Lacking string
	// Body does it; it returns exactly when everything was as expected.
	Body func()
	// Close ends what Body began, once its outcome was told.
	Close func()
}

// Check ends the program where it cannot begin.
func Check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "cases:", err)
		os.Exit(2)
	}
}

// Run runs the cases whose names contain one of the texts between commas, so many side by side, prints one line for each, and returns how
// many failed.
func Run(cases []Case, only string, atOnce int, runner *Runner) int {
	started := time.Now()
	var selected []Case
	for _, one := range cases {
		if !slices.ContainsFunc(strings.Split(only, ","), func(text string) bool { return strings.Contains(one.Name, text) }) {
			continue
		}
		if one.Lacking != "" {
			runner.say("skip %s: needs %s", one.Name, one.Lacking)
			continue
		}
		selected = append(selected, one)
	}
	var waiting sync.WaitGroup
	var failed atomic.Int64
	slots := make(chan struct{}, atOnce)
	for _, one := range selected {
		slots <- struct{}{}
		waiting.Add(1)
		go func() {
			defer waiting.Done()
			defer func() { <-slots }()
			if !one.run(runner) {
				failed.Add(1)
			}
		}()
	}
	waiting.Wait()
	runner.say("%d cases, %d failed, %.1f s", len(selected), failed.Load(), time.Since(started).Seconds())
	return int(failed.Load())
}

func (c *Case) run(runner *Runner) (passed bool) {
	started := time.Now()
	defer c.Close()
	defer func() {
		switch seen := recover().(type) {
		case nil:
			passed = true
			runner.say("ok %s (%.1f s)", c.Name, time.Since(started).Seconds())
		case expect.Failure:
			runner.say("FAIL %s: %s%s", c.Name, seen.Text, place())
		default:
			runner.say("FAIL %s: expected no panic, saw %s%s", c.Name, expect.Shorten(seen), place())
		}
	}()
	c.Body()
	return
}

// place names the line of the case that was reached, which tells checks with the same words apart.
func place() string {
	for _, line := range strings.Split(string(debug.Stack()), "\n") {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " ")
		file, number, found := strings.Cut(filepath.Base(line), ":")
		if found && strings.HasSuffix(file, "_cases.go") {
			return fmt.Sprintf(" (%s:%s)", file, number)
		}
	}
	return ""
}
