package http

import (
	"net/netip"
	"testing"
)

// TestGuarded: what no host on the internet has is refused, in every way to write it.
func TestGuarded(t *testing.T) {
	for _, s := range []string{
		"127.0.0.1", "127.8.8.8", "::1", "0.0.0.0", "::", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
		"169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1",
		"::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::7f00:1",
		"64:ff9b:1::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "ff02::1", "198.18.0.1",
	} {
		if guarded(netip.MustParseAddr(s)) == nil {
			t.Errorf("%s is admitted", s)
		}
	}
	for _, s := range []string{"8.8.8.8", "172.32.0.1", "172.15.0.1", "192.169.0.1", "169.253.1.1", "100.63.0.1", "100.128.0.1", "11.0.0.1", "2606:4700::1111", "64:ff9b::8.8.8.8", "2002:808:808::1", "::ffff:8.8.8.8"} {
		if err := guarded(netip.MustParseAddr(s)); err != nil {
			t.Errorf("%s is refused: %v", s, err)
		}
	}
	if control("tcp", "not an address", nil) == nil || control("tcp6", "[fe80::1%lo]:80", nil) == nil {
		t.Error("what cannot be judged is admitted")
	}
}
