// Command cases does what users of the 5.x Go client do, against servers that are already there, and prints one line for
// each case: `ok NAME`, `FAIL NAME: expected …, saw …`, or `skip NAME: needs …`. Cases run side by side; each has topics
// and groups of its own.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"bolide.tests/clients/go-shared/program"
	client "github.com/apache/rocketmq-clients/golang/v5"
)

// atOnce is how many cases run side by side; they mostly wait.
const atOnce = 16

// address is where a broker listens: host:port for the remoting protocol and for gRPC.
type address struct{ remoting, grpc string }

// options is the command line.
type options struct {
	nameServer string
	brokers    map[string]address
	// broker is the one that cases use unless they need another.
	broker string
	// restartable is the broker of another cluster that the runner restarts when asked on the standard output, if any.
	restartable string
	// pair are two brokers of one cluster of which the runner kills one when asked, if any.
	pair []string
	// durable tells whether a broker that was restarted knows what it had handed out before.
	durable bool
	// lite tells whether the brokers serve lite topics.
	lite bool
	// only runs the cases whose name contains it, or one of several between commas.
	only string
	// work is the folder of the client's log.
	work string
	// run makes the names of this run's topics and groups unique.
	run string
	// topic belongs to the child process that leaves a transaction behind.
	topic string
}

// need is what a case cannot run without.
type need int

const (
	nothing need = iota
	durableHandles
	liteTopics
	twoBrokers
)

type testCase struct {
	name  string
	body  func(*scene)
	needs need
}

func allCases() []testCase {
	// The longest first, so that none of them is the only one left at the end.
	var all []testCase
	for _, cases := range [][]testCase{failureCases(), simpleCases(), pushCases(), liteCases(), transactionCases(), timerCases(), sendCases(), refusalCases()} {
		all = append(all, cases...)
	}
	return all
}

func main() {
	if len(os.Args) < 2 || (os.Args[1] != "cases" && os.Args[1] != "orphan") {
		fmt.Fprintln(os.Stderr, "usage: cases|orphan -namesrv ADDR -brokers NAME=REMOTING_ADDR/GRPC_ADDR,... -broker NAME [options]; `cases -help` lists the options")
		os.Exit(2)
	}
	o := parseOptions(os.Args[2:])
	program.Check(os.Setenv("rocketmq.client.logRoot", o.work))
	program.Check(os.Setenv("rocketmq.client.logFileName", filepath.Base(os.Args[0])+"-"+o.run+".log"))
	program.Check(os.Setenv("rocketmq.client.logLevel", "warn"))
	client.ResetLogger()
	if os.Args[1] == "orphan" {
		leaveBehind(o)
		return
	}
	if runAll(o) > 0 {
		os.Exit(1)
	}
}

func parseOptions(arguments []string) *options {
	o := &options{run: strconv.FormatInt(time.Now().UnixMilli()%1e9, 36) + strconv.FormatInt(int64(os.Getpid()), 36)}
	var brokers, pair, durable, lite string
	flags := flag.NewFlagSet("cases", flag.ExitOnError)
	flags.StringVar(&o.nameServer, "namesrv", "", "`address` of the name server")
	flags.StringVar(&brokers, "brokers", "", "all brokers, as `NAME=REMOTING_ADDR/GRPC_ADDR,...`")
	flags.StringVar(&o.broker, "broker", "", "`name` of the broker that cases use")
	flags.StringVar(&o.restartable, "restartable", "", "`name` of the broker that can be restarted")
	flags.StringVar(&pair, "pair", "", "`NAME,NAME` of two brokers of one cluster, of which one can be killed")
	flags.StringVar(&durable, "durable", "", "`yes` if a broker that was restarted knows what it had handed out")
	flags.StringVar(&lite, "lite", "", "`yes` if the brokers serve lite topics")
	flags.StringVar(&o.only, "only", "", "run the cases whose name contains this `text`, or one of several between commas")
	flags.StringVar(&o.work, "work", os.TempDir(), "`folder` for the client's log")
	flags.StringVar(&o.topic, "topic", "", "`topic` on which to leave a transaction behind")
	program.Check(flags.Parse(arguments))
	o.durable = durable == "yes"
	o.lite = lite == "yes"
	if pair != "" {
		o.pair = strings.Split(pair, ",")
	}
	o.brokers = map[string]address{}
	for _, broker := range strings.Split(brokers, ",") {
		name, addresses, _ := strings.Cut(broker, "=")
		if remoting, grpc, found := strings.Cut(addresses, "/"); found {
			o.brokers[name] = address{remoting, grpc}
		}
	}
	if _, known := o.brokers[o.broker]; !known {
		program.Check(fmt.Errorf("-brokers does not name -broker %q", o.broker))
	}
	return o
}

func (c *testCase) lacking(o *options) string {
	switch {
	case c.needs == durableHandles && (o.restartable == "" || !o.durable):
		return "-restartable and -durable"
	case c.needs == liteTopics && !o.lite:
		return "-lite"
	case c.needs == twoBrokers && len(o.pair) == 0:
		return "-pair"
	default:
		return ""
	}
}

// runAll runs the selected cases and returns how many failed.
func runAll(o *options) int {
	runner := program.NewRunner(os.Stdout, os.Stdin)
	var cases []program.Case
	for _, one := range allCases() {
		s := newScene(one.name, o, runner)
		cases = append(cases, program.Case{Name: one.name, Lacking: one.lacking(o), Body: func() { one.body(s) }, Close: s.close})
	}
	return program.Run(cases, o.only, atOnce, runner)
}
