package main

import (
	"net/netip"
	"os"

	"github.com/oschwald/maxminddb-golang"

	"github.com/sluice-dev/sluice/lang/check"
	"github.com/sluice-dev/sluice/stdlib"
)

// ipCountry looks up the country of an IP address; nil where no database was named.
var ipCountry func(netip.Addr) (string, bool)

// library is what scripts may call: the functions of stdlib over what this machine has.
func library() check.Env { return stdlib.EnvOf(stdlib.World{Country: ipCountry}) }

// openIPDatabase reads the database of `--ip-database`, in MaxMind's format, once at start.
func openIPDatabase(file string) error {
	if file == "" {
		return nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return fail(exitUsage, err)
	}
	db, err := maxminddb.FromBytes(data)
	if err != nil {
		return fail(exitUsage, &os.PathError{Op: "read the IP database", Path: file, Err: err})
	}
	ipCountry = func(ip netip.Addr) (string, bool) {
		var row struct {
			Country any    `maxminddb:"country"`
			Code    string `maxminddb:"country_code"`
		}
		if err := db.Lookup(ip.AsSlice(), &row); err != nil {
			return "", false
		}
		code := row.Code
		switch c := row.Country.(type) {
		case map[string]any: // MaxMind and DB-IP
			code, _ = c["iso_code"].(string)
		case string: // IPinfo
			code = c
		}
		return code, len(code) == 2
	}
	return nil
}
