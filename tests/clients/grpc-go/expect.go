package main

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

const (
	// wait is long enough for a rebalance that only the client's own 20 s timer starts, on a busy machine.
	wait       = 60 * time.Second
	poll       = 50 * time.Millisecond
	shownRunes = 600
)

// failure is a check that did not hold; it is panicked with.
type failure struct{ text string }

func fail(expected string, seen any) {
	panic(failure{fmt.Sprintf("expected %s, saw %s", expected, shorten(seen))})
}

func shorten(value any) string {
	runes := []rune(strings.ReplaceAll(fmt.Sprint(value), "\n", " "))
	if len(runes) <= shownRunes {
		return string(runes)
	}
	return fmt.Sprintf("%s… (%d characters)", string(runes[:shownRunes]), len(runes))
}

func equal(what string, expected, seen any) {
	if !reflect.DeepEqual(expected, seen) {
		fail(fmt.Sprintf("%s to be %s", what, shorten(expected)), seen)
	}
}

func holds(expected string, condition bool, seen any) {
	if !condition {
		fail(expected, seen)
	}
}

func succeeds(what string, err error) {
	if err != nil {
		fail(what+" without an error", err)
	}
}

func refused(what string, err error) error {
	if err == nil {
		fail(what+" to be refused", "success")
	}
	return err
}

// eventually waits until probe gives what is expected.
func eventually(what string, expected any, probe func() any) {
	deadline := time.Now().Add(wait)
	for {
		seen := probe()
		if reflect.DeepEqual(expected, seen) {
			return
		}
		if time.Now().After(deadline) {
			fail(fmt.Sprintf("%s to become %s within %s", what, shorten(expected), wait), seen)
		}
		time.Sleep(poll)
	}
}

// eventuallySucceeds repeats an action that may fail while a server is away.
func eventuallySucceeds(what string, action func() error) {
	eventually(what, "success", func() any {
		if err := action(); err != nil {
			return err.Error()
		}
		return "success"
	})
}

func sorted(values []string) []string {
	return slices.Sorted(slices.Values(values))
}
