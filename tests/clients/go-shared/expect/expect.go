// Package expect checks what cases see, and waits for what is to come.
package expect

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

const (
	// Wait is long enough for two turns of the client's own 20 s timers after a queue's lock of 60 s has run out, on a busy machine.
	Wait = 120 * time.Second
	// Call is for one request.
	Call = 30 * time.Second
	// Poll is how long to wait between two looks.
	Poll       = 50 * time.Millisecond
	shownRunes = 600
)

// Failure is a check that did not hold; it is panicked with.
type Failure struct{ Text string }

// Fail tells what was expected and what was seen instead.
func Fail(expected string, seen any) {
	panic(Failure{fmt.Sprintf("expected %s, saw %s", expected, Shorten(seen))})
}

// Shorten is the text of a value, or its beginning.
func Shorten(value any) string {
	runes := []rune(strings.ReplaceAll(fmt.Sprint(value), "\n", " "))
	if len(runes) <= shownRunes {
		return string(runes)
	}
	return fmt.Sprintf("%s… (%d characters)", string(runes[:shownRunes]), len(runes))
}

// Equal checks that two values are the same.
func Equal(what string, expected, seen any) {
	if !reflect.DeepEqual(expected, seen) {
		Fail(fmt.Sprintf("%s to be %s", what, Shorten(expected)), seen)
	}
}

// Holds checks a condition.
func Holds(expected string, condition bool, seen any) {
	if !condition {
		Fail(expected, seen)
	}
}

// Succeeds checks that there is no error.
func Succeeds(what string, err error) {
	if err != nil {
		Fail(what+" without an error", err)
	}
}

// Refused checks that there is an error, and returns it.
func Refused(what string, err error) error {
	if err == nil {
		Fail(what+" to be refused", "success")
	}
	return err
}

// Eventually waits until probe gives what is expected.
func Eventually(what string, expected any, probe func() any) {
	deadline := time.Now().Add(Wait)
	for {
		seen := probe()
		if reflect.DeepEqual(expected, seen) {
			return
		}
		if time.Now().After(deadline) {
			Fail(fmt.Sprintf("%s to become %s within %s", what, Shorten(expected), Wait), seen)
		}
		time.Sleep(Poll)
	}
}

// EventuallySucceeds repeats an action that may fail while a server is away.
func EventuallySucceeds(what string, action func() error) {
	Eventually(what, "success", func() any {
		if err := action(); err != nil {
			return err.Error()
		}
		return "success"
	})
}

// Sorted is a sorted copy.
func Sorted(values []string) []string {
	return slices.Sorted(slices.Values(values))
}
