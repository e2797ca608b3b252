package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// formats are the versions of what Sluice writes for others to read.
var formats = map[string]int{"account": 1, "check": 1, "graph": 1, "test": 1, "letter": 1}

type versionInfo struct {
	Version string         `json:"version"`
	Commit  string         `json:"commit"`
	Dirty   bool           `json:"dirty,omitempty"`
	Go      string         `json:"go"`
	Formats map[string]int `json:"formats"`
}

// buildVersion reads what the Go tool wrote into the binary.
func buildVersion() versionInfo {
	v := versionInfo{Version: "(devel)", Commit: "unknown", Go: runtime.Version(), Formats: formats}
	if bi, ok := debug.ReadBuildInfo(); ok {
		if bi.Main.Version != "" {
			v.Version = bi.Main.Version
		}
		for _, s := range bi.Settings {
			switch s.Key {
			case "vcs.revision":
				v.Commit = s.Value
			case "vcs.modified":
				v.Dirty = s.Value == "true"
			}
		}
	}
	return v
}

func versionCmd() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "version",
		Short: "Print version, commit, Go and the formats written",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := buildVersion()
			if out == "json" {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(v)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "sluice %s\ncommit %s\ngo     %s\n", v.Version, v.Commit, v.Go)
			return nil
		},
	}
	outputFlag(c, &out)
	return c
}
