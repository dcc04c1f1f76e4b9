// SPDX-License-Identifier: Apache-2.0

// scale fills a real API server with the objects of a large cluster, keeps them alive, makes pods come and go, and looks at what that
// costs one agent. Standard library only. Used by tests/cluster/scale; results are JSON on stdout, progress is on stderr.
//
//	scale fill                    nodes, services with an EndpointSlice each, pods, policies
//	scale renew                   leases every 10 s, node heartbeats every 5 min, until it is killed
//	scale churn -seconds N        pods come and go
//	scale watch -agents N         the watches of that many agents, until it is killed
//	scale settle -pid P -port IF  how long a starting agent P takes, which is sent its lists through the interface IF
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

var (
	server   = flag.String("server", "https://10.30.0.1:6443", "the API server")
	token    = flag.String("token", "secret", "")
	nodes    = flag.Int("nodes", 500, "besides the one whose agent is measured")
	services = flag.Int("services", 10000, "of four endpoints each")
	pods     = flag.Int("pods", 50000, "of all nodes")
	policies = flag.Int("policies", 1000, "")
	own      = flag.String("own", "node-a", "the node whose agent is measured")
	ownPods  = flag.Int("own-pods", 50, "pods of that node, which get no addresses here")
	workers  = flag.Int("workers", 16, "connections at once")
	rate     = flag.Int("rate", 50, "pods that come, and as many that go, a second")
	slices   = flag.Bool("slices", false, "each of them is also an endpoint")
	seconds  = flag.Int("seconds", 60, "")
	agents   = flag.Int("agents", 50, "")
	pid      = flag.Int("pid", 0, "")
	port     = flag.String("port", "", "")
	ready    = flag.String("ready", "http://10.30.0.11:9877/readyz", "")
)

var verbs = map[string]func() error{"fill": fill, "renew": renew, "churn": churn, "watch": watch, "settle": settle}

func main() {
	began := time.Now()
	verb := verbs[""]
	if len(os.Args) > 1 {
		verb = verbs[os.Args[1]]
	}
	if verb == nil {
		fmt.Fprintln(os.Stderr, "usage: scale fill|renew|churn|watch|settle [OPTION...]")
		os.Exit(2)
	}
	if err := flag.CommandLine.Parse(os.Args[2:]); err != nil {
		os.Exit(2)
	}
	if err := verb(); err != nil {
		fmt.Fprintf(os.Stderr, "scale %s, after %.0f s: %v\n", os.Args[1], time.Since(began).Seconds(), err)
		os.Exit(1)
	}
}
