// SPDX-License-Identifier: Apache-2.0

// Command gc asks a network's plugins to collect garbage, as a runtime does that knows its containers (cnitool sends no list).
//
//	gc NETWORK [CONTAINER/IFNAME ...]    these attachments are valid; NETCONFPATH and CNI_PATH as with cnitool
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/types"
)

func collect(args []string) error {
	if len(args) == 0 {
		return errors.New("usage: gc NETWORK [CONTAINER/IFNAME ...]")
	}
	list, err := libcni.LoadNetworkConf(os.Getenv("NETCONFPATH"), args[0])
	if err != nil {
		return err
	}
	valid := []types.GCAttachment{}
	for _, a := range args[1:] {
		container, ifname, _ := strings.Cut(a, "/")
		valid = append(valid, types.GCAttachment{ContainerID: container, IfName: ifname})
	}
	cni := libcni.NewCNIConfig(filepath.SplitList(os.Getenv("CNI_PATH")), nil)
	return cni.GCNetworkList(context.Background(), list, &libcni.GCArgs{ValidAttachments: valid})
}

func main() {
	if err := collect(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gc:", err)
		os.Exit(1)
	}
}
