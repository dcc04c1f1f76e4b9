// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const merge = "application/merge-patch+json"

// newClient has a connection of its own: an HTTP/2 server takes few requests at once on each.
func newClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true, DisableCompression: true}}
}

type request struct{ method, path, body string }

func (r request) send(c *http.Client) (*http.Response, error) {
	rq, err := http.NewRequest(r.method, *server+r.path, strings.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	rq.Header.Set("Authorization", "Bearer "+*token)
	rq.Header.Set("Content-Type", "application/json")
	if r.method == "PATCH" {
		rq.Header.Set("Content-Type", merge)
	}
	return c.Do(rq)
}

// call tries again when the server has too much to do. What exists is as good as made, what is gone as good as deleted.
func (r request) call(c *http.Client) error {
	var last string

	for try := 0; try < 8; try++ {
		answer, err := r.send(c)
		if err != nil {
			last = err.Error()
			time.Sleep(200 * time.Millisecond)
			continue
		}
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		switch {
		case answer.StatusCode < 300, answer.StatusCode == 409, answer.StatusCode == 404 && r.method == "DELETE":
			return nil
		case answer.StatusCode != 429 && answer.StatusCode < 500:
			return fmt.Errorf("%s %s: %s: %s", r.method, r.path, answer.Status, bytes.TrimSpace(text))
		}
		last = answer.Status
		time.Sleep(200 * time.Millisecond)
	}
	return fmt.Errorf("%s %s: %s", r.method, r.path, last)
}

// inParallel sends each of the n jobs' requests one after the other, many jobs at once.
func inParallel(what string, n int, job func(i int) []request) error {
	var next atomic.Int64
	var group sync.WaitGroup
	began, failed := time.Now(), make(chan error, *workers)

	for w := 0; w < *workers; w++ {
		group.Add(1)
		go func() {
			defer group.Done()
			c := newClient()
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				for _, r := range job(i) {
					if err := r.call(c); err != nil {
						failed <- err
						return
					}
				}
			}
		}()
	}
	group.Wait()
	select {
	case err := <-failed:
		return err
	default:
	}
	took := time.Since(began).Seconds()
	fmt.Fprintf(os.Stderr, "%d %s in %.0f s\n", n, what, took)
	return nil
}
