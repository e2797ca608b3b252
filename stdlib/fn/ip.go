package fn

import (
	"errors"
	"net/netip"
	"strings"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

var (
	errIP   = errors.New("the text is no IP address")
	errCIDR = errors.New("the text is no block of addresses: \"10.0.0.0/8\" is one")
	ipParam = param("s", types.StringT, "address")
)

// ipOf reads an address. One of version 4 in the form of version 6 is read as what
// it is; the name of an interface ("%eth0") is nothing that an event may have.
func ipOf(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(strings.TrimSpace(s))
	if err != nil || a.Zone() != "" {
		return a, errIP
	}
	return a.Unmap(), nil
}

func cidrOf(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(strings.TrimSpace(s))
	if err != nil {
		return p, errCIDR
	}
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(a.Unmap(), p.Bits()-96), nil
	}
	return p, nil
}

var ipValid = &types.Func{
	Name: "ip.valid", Doc: "Whether a text is an IP address, of version 4 or 6.", Params: params{ipParam}, Result: types.BoolT,
	Examples: ex(`ip.valid("203.0.113.7")`, `true`, `ip.valid("2001:db8::1")`, `true`, `ip.valid("203.0.113.256")`, `false`, `ip.valid("203.0.113.7:80")`, `false`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		_, err := ipOf(a[0].(string))
		return err == nil, nil
	},
}

// notRouted are the blocks that the registries of special addresses keep out of
// the Internet, besides those that netip knows by name.
var notRouted = func() (out []netip.Prefix) {
	for _, s := range strings.Fields("0.0.0.0/8 100.64.0.0/10 192.0.0.0/24 192.0.2.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4 64:ff9b:1::/48 100::/64 2001:db8::/32 3fff::/20 ::/128") {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}()

var ipPrivate = &types.Func{
	Name: "ip.private", Doc: "Whether an IP address is one that is not routed on the Internet: private, of this machine, of the link, for documentation, for many. False for what is no address.",
	Params: params{ipParam}, Result: types.BoolT,
	Examples: ex(`ip.private("192.168.1.10")`, `true`, `ip.private("8.8.8.8")`, `false`, `ip.private("fd00::1")`, `true`, `ip.private("::ffff:127.0.0.1")`, `true`, `ip.private("none")`, `false`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		ip, err := ipOf(a[0].(string))
		if err != nil {
			return false, nil
		}
		if ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsMulticast() {
			return true, nil
		}
		for _, p := range notRouted {
			if p.Contains(ip) {
				return true, nil
			}
		}
		return false, nil
	},
}

var ipWithin = &types.Func{
	Name: "ip.within", Doc: "Whether an IP address lies in a block of addresses.",
	Params: params{ipParam, param("cidr", types.StringT, "block, as \"10.0.0.0/8\"")}, Result: types.BoolT, Fails: true,
	Examples: ex(`ip.within("10.1.2.3", "10.0.0.0/8")`, `true`, `ip.within("2001:db8::1", "10.0.0.0/8")`, `false`, `ip.within("10.1.2", "10.0.0.0/8")`, `fails`, `ip.within("10.1.2.3", "10.0.0.0")`, `error E0301`),
	Infer: func(a []*types.Type) (*types.Type, error) {
		if a[1].Kind == types.Literal {
			if _, err := cidrOf(a[1].Lit.(string)); err != nil {
				return nil, err
			}
		}
		return types.BoolT, nil
	},
	Call: func(_ *types.Context, a args) (value.Value, error) {
		p, err := cidrOf(a[1].(string))
		if err != nil {
			return nil, err
		}
		ip, err := ipOf(a[0].(string))
		if err != nil {
			return nil, err
		}
		return p.Contains(ip), nil
	},
}

var ipAnonymize = &types.Func{
	Name: "ip.anonymize", Doc: "The address of the network that an IP address is in: the first 24 bits of version 4, the first 48 of version 6.",
	Params: params{ipParam}, Result: types.StringT, Fails: true,
	Examples: ex(`ip.anonymize("203.0.113.77")`, `"203.0.113.0"`, `ip.anonymize("2001:db8:1:2::3")`, `"2001:db8:1::"`, `ip.anonymize("localhost")`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		ip, err := ipOf(a[0].(string))
		if err != nil {
			return nil, err
		}
		bits := 48
		if ip.Is4() {
			bits = 24
		}
		p, err := ip.Prefix(bits)
		if err != nil {
			return nil, errIP
		}
		return p.Addr().String(), nil
	},
}

// IPCountry is ip.country over a database: country gives the code of an address's
// country.
func IPCountry(country func(netip.Addr) (string, bool)) *types.Func {
	return &types.Func{
		Name: "ip.country", Doc: "The country of an IP address in two letters, by the database that `--ip-database` names (MaxMind's format); null where it knows none.",
		Params: params{ipParam}, Result: types.Nullable(types.StringT),
		Examples: ex(`ip.country("203.0.113.7")`, `"DE"`, `ip.country("192.168.1.1")`, `null`, `ip.country("none")`, `null`),
		Call: func(_ *types.Context, a args) (value.Value, error) {
			ip, err := ipOf(a[0].(string))
			if err != nil {
				return nil, nil
			}
			if code, ok := country(ip); ok {
				return code, nil
			}
			return nil, nil
		},
	}
}
