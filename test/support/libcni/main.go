// A minimal runtime on libcni: (add|check|del) NETWORK NETNS, as cnitool has them.
package main

import (
	"context"
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containernetworking/cni/libcni"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(command, network, netns string) error {
	list, err := libcni.LoadConfList(os.Getenv("NETCONFPATH"), network)
	if err != nil {
		return err
	}
	attachment, err := attachmentOf(netns)
	if err != nil {
		return err
	}
	cni := libcni.NewCNIConfig(filepath.SplitList(os.Getenv("CNI_PATH")), nil)
	switch command {
	case "add":
		result, err := cni.AddNetworkList(context.Background(), list, attachment)
		if err != nil {
			return err
		}
		return result.Print()
	case "check":
		return cni.CheckNetworkList(context.Background(), list, attachment)
	case "del":
		return cni.DelNetworkList(context.Background(), list, attachment)
	default:
		return fmt.Errorf("unknown command %q", command)
	}
}

// The container ID is the one that cnitool derives from the path of the namespace.
func attachmentOf(netns string) (*libcni.RuntimeConf, error) {
	attachment := &libcni.RuntimeConf{
		ContainerID: fmt.Sprintf("cnitool-%x", sha512.Sum512([]byte(netns)))[:len("cnitool-")+20],
		NetNS:       netns,
		IfName:      "eth0",
		Args:        pairs(os.Getenv("CNI_ARGS")),
	}
	if capabilities := os.Getenv("CAP_ARGS"); capabilities != "" {
		if err := json.Unmarshal([]byte(capabilities), &attachment.CapabilityArgs); err != nil {
			return nil, err
		}
	}
	return attachment, nil
}

func pairs(text string) (found [][2]string) {
	for _, pair := range strings.Split(text, ";") {
		if key, value, ok := strings.Cut(pair, "="); ok {
			found = append(found, [2]string{key, value})
		}
	}
	return found
}
