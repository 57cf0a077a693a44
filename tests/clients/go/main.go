// Command cases does what users of the Go client do, against servers that are already there, and prints one line for
// each case: `ok NAME`, `FAIL NAME: expected …, saw …`, or `skip NAME: needs …`. Cases run side by side; each has topics
// and groups of its own.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"bolide.tests/clients/go-shared/program"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

// atOnce is how many cases run side by side; they mostly wait.
const atOnce = 6

// options is the command line.
type options struct {
	nameServer string
	// brokers are the names and addresses of the cluster's brokers.
	brokers map[string]string
	// cold is the broker of the cluster that was started with accessMessageInMemoryMaxRatio=0, if any.
	cold string
	// restartable is the broker outside the cluster that the runner restarts when asked on the standard output, if any.
	restartable string
	// only runs the cases whose name contains it, or one of several between commas.
	only string
	// work is the folder of the client's log and local offsets.
	work string
	// run makes the names of this run's topics and groups unique.
	run string
	// topic and group belong to the child process that is a member of a group, the topic and the keys to a client with keys.
	topic, group         string
	accessKey, secretKey string
}

type testCase struct {
	name       string
	body       func(*scene)
	coldBroker bool
	restarts   bool
}

func allCases() []testCase {
	// The longest first, so that none of them is the only one left at the end.
	var all []testCase
	for _, cases := range [][]testCase{
		detourCases(), operatorCases(), transactionCases(), timerCases(), offsetCases(), rebalanceCases(), pushCases(), tenantCases(), startCases(), pullCases(), lightQueueCases(), bodyCases(), sendCases(), adminCases(),
	} {
		all = append(all, cases...)
	}
	return all
}

func main() {
	if len(os.Args) < 2 || !slices.Contains([]string{"cases", "member", "secured"}, os.Args[1]) {
		fmt.Fprintln(os.Stderr, "usage: cases|member|secured -namesrv ADDR [options]; `cases -help` lists the options")
		os.Exit(2)
	}
	o := parseOptions(os.Args[2:])
	// The client keeps the offsets of broadcasting consumers below the home folder.
	program.Check(os.Setenv("HOME", o.work))
	program.Check(rlog.SetOutputPath(filepath.Join(o.work, "rocketmq-go-"+o.run+".log")))
	rlog.SetLogLevel("warn")
	if os.Args[1] == "member" {
		runMember(o)
		return
	}
	if os.Args[1] == "secured" {
		runSecured(o)
		return
	}
	if runAll(o) > 0 {
		os.Exit(1)
	}
}

func parseOptions(arguments []string) *options {
	o := &options{run: strconv.FormatInt(time.Now().UnixMilli()%1e9, 36) + strconv.FormatInt(int64(os.Getpid()), 36)}
	var brokers string
	flags := flag.NewFlagSet("cases", flag.ExitOnError)
	flags.StringVar(&o.nameServer, "namesrv", "", "`address` of the name server")
	flags.StringVar(&brokers, "brokers", "", "all brokers, as `name=address,name=address`")
	flags.StringVar(&o.cold, "cold-broker", "", "`name` of the broker with accessMessageInMemoryMaxRatio=0")
	flags.StringVar(&o.restartable, "restartable", "", "`name` of the broker outside the cluster that can be restarted")
	flags.StringVar(&o.only, "only", "", "run the cases whose name contains this `text`, or one of several between commas")
	flags.StringVar(&o.work, "work", os.TempDir(), "`folder` for the client's log and local offsets")
	flags.StringVar(&o.topic, "topic", "", "`topic` that a member or a client with keys consumes")
	flags.StringVar(&o.accessKey, "access-key", "", "access `key` of a client with keys")
	flags.StringVar(&o.secretKey, "secret-key", "", "secret `key` of a client with keys")
	flags.StringVar(&o.group, "group", "", "`group` that a member joins")
	program.Check(flags.Parse(arguments))
	o.brokers = map[string]string{}
	for _, pair := range strings.Split(brokers, ",") {
		if name, address, found := strings.Cut(pair, "="); found {
			o.brokers[name] = address
		}
	}
	return o
}

func (c *testCase) lacking(o *options) string {
	switch {
	case c.coldBroker && o.cold == "":
		return "-cold-broker"
	case c.restarts && o.restartable == "":
		return "-restartable"
	default:
		return ""
	}
}

// runAll runs the selected cases and returns how many failed.
func runAll(o *options) int {
	runner := program.NewRunner(os.Stdout, os.Stdin)
	servers := newServers(o)
	var cases []program.Case
	for _, one := range allCases() {
		s := newScene(one.name, servers, o, runner)
		cases = append(cases, program.Case{Name: one.name, Lacking: one.lacking(o), Body: func() { one.body(s) }, Close: s.close})
	}
	return program.Run(cases, o.only, atOnce, runner)
}
