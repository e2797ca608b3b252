package http

import (
	"fmt"
	"net/netip"
	"syscall"
)

// The guard keeps requests out of our own net: an address that comes of the data must
// not reach what only we can. It looks at what is dialed, after every name has become
// an address, so neither a name that resolves to one, nor one that resolves to another
// each time, nor another way to write a number gets past it.

// forbidden are address ranges that no host on the internet has, by what they are.
var forbidden = []struct {
	what string
	nets []netip.Prefix
}{
	{"a link-local address, where clouds keep their metadata", prefixes("169.254.0.0/16", "fe80::/10")},
	{"a loopback address", prefixes("127.0.0.0/8", "::1/128")},
	{"a private address", prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fec0::/10")},
	{"a reserved address", prefixes(
		"0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"::/128", "64:ff9b:1::/48", "100::/64", "2001:db8::/32", "ff00::/8",
	)},
}

// wrapped are ranges of IPv6 that lead to an address of IPv4, which stands at the byte.
var wrapped = []struct {
	net netip.Prefix
	at  int
}{
	{netip.MustParsePrefix("::/96"), 12},
	{netip.MustParsePrefix("64:ff9b::/96"), 12},
	{netip.MustParsePrefix("2002::/16"), 2},
}

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// GuardError is an address that the guard refuses.
type GuardError struct {
	IP   netip.Addr
	What string
}

// Error says in words what was refused.
func (e *GuardError) Error() string { return fmt.Sprintf("%s is %s", e.IP, e.What) }

// guarded judges an address.
func guarded(ip netip.Addr) error {
	ip = ip.Unmap().WithZone("")
	for _, f := range forbidden {
		for _, p := range f.nets {
			if p.Contains(ip) {
				return &GuardError{ip, f.what}
			}
		}
	}
	for _, w := range wrapped {
		if w.net.Contains(ip) {
			b := ip.As16()
			v4, _ := netip.AddrFromSlice(b[w.at : w.at+4])
			if err := guarded(v4); err != nil {
				return &GuardError{ip, err.(*GuardError).What}
			}
		}
	}
	return nil
}

// control is net.Dialer.Control: it is asked of every address that is to be dialed.
func control(network, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return &GuardError{What: "no address that can be judged"}
	}
	return guarded(at.Addr())
}
