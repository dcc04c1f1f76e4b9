// SPDX-License-Identifier: Apache-2.0

// Command cri talks to a container runtime the way a kubelet does.
//
//	cri SOCKET status                               the runtime's conditions
//	cri SOCKET run-pod NAME [KEY=VALUE ...]         sandbox with these annotations; prints its id
//	cri SOCKET pod ID                               the sandbox's status
//	cri SOCKET pods                                 ids of all sandboxes
//	cri SOCKET run POD-ID IMAGE COMMAND [ARG ...]   container in the sandbox; prints its id
//	cri SOCKET exec CONTAINER-ID COMMAND [ARG ...]  its output; exit status 1 unless the command's is 0
//	cri SOCKET remove-pod ID                        stops and removes
//
// CRI_CGROUP: the sandboxes' parent.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const timeout = time.Minute

// A sandbox's configuration must be given again for each of its containers; it follows from the name.
func podConfig(name string, annotations map[string]string) *cri.PodSandboxConfig {
	return &cri.PodSandboxConfig{
		Metadata:     &cri.PodSandboxMetadata{Name: name, Namespace: "default", Uid: "uid-" + name},
		Hostname:     name,
		Annotations:  annotations,
		PortMappings: []*cri.PortMapping{{Protocol: cri.Protocol_TCP, ContainerPort: 80, HostPort: 8080}},
		Linux:        &cri.LinuxPodSandboxConfig{CgroupParent: os.Getenv("CRI_CGROUP")},
	}
}

func status(ctx context.Context, rt cri.RuntimeServiceClient, _ []string) error {
	r, err := rt.Status(ctx, &cri.StatusRequest{})
	if err != nil {
		return err
	}
	return print(r.Status)
}

func runPod(ctx context.Context, rt cri.RuntimeServiceClient, args []string) error {
	annotations := map[string]string{}
	for _, a := range args[1:] {
		key, value, _ := strings.Cut(a, "=")
		annotations[key] = value
	}
	r, err := rt.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: podConfig(args[0], annotations)})
	if err != nil {
		return err
	}
	fmt.Println(r.PodSandboxId)
	return nil
}

func pod(ctx context.Context, rt cri.RuntimeServiceClient, args []string) error {
	r, err := rt.PodSandboxStatus(ctx, &cri.PodSandboxStatusRequest{PodSandboxId: args[0]})
	if err != nil {
		return err
	}
	return print(r.Status)
}

func pods(ctx context.Context, rt cri.RuntimeServiceClient, _ []string) error {
	r, err := rt.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
	if err != nil {
		return err
	}
	for _, p := range r.Items {
		fmt.Println(p.Id)
	}
	return nil
}

func run(ctx context.Context, rt cri.RuntimeServiceClient, args []string) error {
	p, err := rt.PodSandboxStatus(ctx, &cri.PodSandboxStatusRequest{PodSandboxId: args[0]})
	if err != nil {
		return err
	}
	c, err := rt.CreateContainer(ctx, &cri.CreateContainerRequest{
		PodSandboxId: args[0],
		Config: &cri.ContainerConfig{
			Metadata: &cri.ContainerMetadata{Name: "main"},
			Image:    &cri.ImageSpec{Image: args[1]},
			Command:  args[2:],
		},
		SandboxConfig: podConfig(p.Status.Metadata.Name, nil),
	})
	if err != nil {
		return err
	}
	if _, err = rt.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: c.ContainerId}); err != nil {
		return err
	}
	fmt.Println(c.ContainerId)
	return nil
}

func exec(ctx context.Context, rt cri.RuntimeServiceClient, args []string) error {
	r, err := rt.ExecSync(ctx, &cri.ExecSyncRequest{ContainerId: args[0], Cmd: args[1:], Timeout: 30})
	if err != nil {
		return err
	}
	os.Stdout.Write(r.Stdout)
	os.Stderr.Write(r.Stderr)
	if r.ExitCode != 0 {
		return fmt.Errorf("exit status %d", r.ExitCode)
	}
	return nil
}

func removePod(ctx context.Context, rt cri.RuntimeServiceClient, args []string) error {
	if _, err := rt.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: args[0]}); err != nil {
		return err
	}
	_, err := rt.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: args[0]})
	return err
}

func print(v any) error {
	out, err := json.Marshal(v)
	if err == nil {
		fmt.Println(string(out))
	}
	return err
}

var commands = map[string]struct {
	args int
	fn   func(context.Context, cri.RuntimeServiceClient, []string) error
}{
	"status":     {0, status},
	"run-pod":    {1, runPod},
	"pod":        {1, pod},
	"pods":       {0, pods},
	"run":        {3, run},
	"exec":       {2, exec},
	"remove-pod": {1, removePod},
}

func main1(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: cri SOCKET COMMAND [ARG ...]")
	}
	cmd, ok := commands[args[1]]
	if !ok || len(args)-2 < cmd.args {
		return fmt.Errorf("no such command, or too few arguments: %s", strings.Join(args[1:], " "))
	}
	conn, err := grpc.NewClient("unix://"+args[0], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return cmd.fn(ctx, cri.NewRuntimeServiceClient(conn), args[2:])
}

func main() {
	if err := main1(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "cri:", err)
		os.Exit(1)
	}
}
