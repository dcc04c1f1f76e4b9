// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// A moment of a starting agent's life.
type sample struct {
	at    time.Time
	cpu   time.Duration // that it has had
	bytes int64         // that it has been sent
}

const (
	every  = 5 * time.Millisecond
	window = 10       // samples: over these a rate is taken
	burst  = 20 << 10 // bytes in a window: a list is under way
	busy   = window * every / 4
	quiet  = 6 * time.Second // after that it has settled
	limit  = 4 * time.Minute
)

func number(path string, field int) (int64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) <= field {
		return 0, fmt.Errorf("%s is empty", path)
	}
	return strconv.ParseInt(fields[field], 10, 64)
}

func look() (sample, error) {
	ns, err := number(fmt.Sprintf("/proc/%d/schedstat", *pid), 0)
	if err != nil {
		return sample{}, err
	}
	bytes, err := number("/sys/class/net/"+*port+"/statistics/tx_bytes", 0)
	return sample{time.Now(), time.Duration(ns), bytes}, err
}

// startOf is when the process began, from its age: both are in ticks of a hundredth since the boot.
func startOf() (time.Time, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", *pid))
	if err != nil {
		return time.Time{}, err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	ticks, err := strconv.ParseFloat(fields[19], 64)
	if err != nil {
		return time.Time{}, err
	}
	up, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return time.Time{}, err
	}
	now, err := strconv.ParseFloat(strings.Fields(string(up))[0], 64)
	return time.Now().Add(-time.Duration((now - ticks/100) * float64(time.Second))), err
}

func waitReady(when chan<- time.Time) {
	c := &http.Client{Timeout: time.Second}
	for {
		answer, err := c.Get(*ready)
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == 200 {
				when <- time.Now()
				return
			}
		}
		time.Sleep(every)
	}
}

// settle samples until the agent is ready, gets no more lists and has nothing left to do.
func settle() error {
	var readyAt, lastByte, lastBusy time.Time
	var all []sample
	first, err := startOf()
	if err != nil {
		return err
	}
	became := make(chan time.Time, 1)
	go waitReady(became)
	for {
		s, err := look()
		if err != nil {
			return err
		}
		all = append(all, s)
		if n := len(all); n > window {
			before := all[n-1-window]
			if s.bytes-before.bytes > burst {
				lastByte = s.at
			}
			if s.cpu-before.cpu > busy {
				lastBusy = s.at
			}
		}
		select {
		case readyAt = <-became:
		default:
		}
		if !readyAt.IsZero() && time.Since(lastByte) > quiet && time.Since(lastBusy) > quiet && time.Since(readyAt) > quiet {
			break
		}
		if s.at.Sub(first) > limit {
			return fmt.Errorf("not settled after %v", limit)
		}
		time.Sleep(every)
	}
	last := all[len(all)-1]
	return say(map[string]any{
		"ready_s": readyAt.Sub(first).Seconds(), "last_byte_s": lastByte.Sub(first).Seconds(), "settled_s": lastBusy.Sub(first).Seconds(),
		"after_last_byte_s": max(0, lastBusy.Sub(lastByte).Seconds()), "cpu_s": last.cpu.Seconds(), "bytes": last.bytes - all[0].bytes,
	})
}
