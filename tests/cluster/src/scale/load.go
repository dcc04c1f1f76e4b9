// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

func say(result map[string]any) error { return json.NewEncoder(os.Stdout).Encode(result) }

// life of a brief pod: made with its node, running, going, gone; four writes, four events for everybody who watches.
func come(c *http.Client, pod int) error {
	for _, r := range podObject(pod, true) {
		if err := r.call(c); err != nil {
			return err
		}
	}
	return endpointOf(c, pod, pod)
}

func leave(c *http.Client, pod int) error {
	if err := endpointOf(c, pod, -1); err != nil {
		return err
	}
	for _, grace := range []string{"30", "0"} {
		r := request{"DELETE", podCollection(pod) + "/" + podName(pod, true) + "?gracePeriodSeconds=" + grace, ""}
		if err := r.call(c); err != nil {
			return err
		}
	}
	return nil
}

func endpointOf(c *http.Client, pod, last int) error {
	if !*slices {
		return nil
	}
	service := pod % *services
	return request{"PUT", "/apis/discovery.k8s.io/v1/namespaces/" + namespaceOf(service) + "/endpointslices/" + loadName(service) + "-abcde",
		sliceObject(service, last)}.call(c)
}

// churn: each pod lives two seconds. Says how many a second there were: the server may not keep up.
func churn() error {
	jobs, failed := make(chan int, *rate*4), make(chan error, *workers)
	work := func() {
		c := newClient()
		for pod := range jobs {
			err := come(c, pod)
			if err == nil && pod >= 2**rate {
				err = leave(c, pod-2**rate)
			}
			failed <- err
		}
	}
	for w := 0; w < *workers; w++ {
		go work()
	}
	began, n := time.Now(), *rate**seconds
	go func() {
		for i := 0; i < n; i++ {
			time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(*rate))))
			jobs <- i
		}
		close(jobs)
	}()
	for i := 0; i < n; i++ {
		if err := <-failed; err != nil {
			return err
		}
	}
	took := time.Since(began).Seconds()
	c := newClient()
	for i := max(0, n-2**rate); i < n; i++ {
		if err := leave(c, i); err != nil {
			return err
		}
	}
	return say(map[string]any{"pods_per_second": float64(n) / took, "seconds": took})
}

// What an agent watches, with its selectors (agent/k8s/source.c).
var watched = []string{
	"/api/v1/nodes?", "/api/v1/namespaces?",
	"/api/v1/pods?fieldSelector=spec.hostNetwork%3Dfalse%2Cstatus.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed&",
	"/api/v1/services?labelSelector=%21service.kubernetes.io%2Fservice-proxy-name%2C%21service.kubernetes.io%2Fheadless&",
	"/apis/discovery.k8s.io/v1/endpointslices?labelSelector=%21service.kubernetes.io%2Fservice-proxy-name%2C%21service.kubernetes.io%2Fheadless&",
	"/apis/networking.k8s.io/v1/networkpolicies?",
}

func versionOf(c *http.Client, path string) (string, error) {
	var list struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
	}
	answer, err := request{"GET", path + "limit=1", ""}.send(c)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	err = json.NewDecoder(answer.Body).Decode(&list)
	return list.Metadata.ResourceVersion, err
}

// watch reads and throws away. Says "watching" when all are there.
func watch() error {
	ended := make(chan error)

	for a := 0; a < *agents; a++ {
		c := newClient()
		for _, path := range watched {
			version, err := versionOf(c, path)
			if err != nil {
				return err
			}
			answer, err := request{"GET", path + "watch=1&allowWatchBookmarks=true&timeoutSeconds=3600&resourceVersion=" + version, ""}.send(c)
			if err != nil {
				return err
			}
			if answer.StatusCode != 200 {
				return fmt.Errorf("%s: %s", path, answer.Status)
			}
			go func() {
				_, err := io.Copy(io.Discard, answer.Body)
				ended <- err
			}()
		}
	}
	fmt.Println("watching")
	return fmt.Errorf("a watch ended: %v", <-ended)
}
