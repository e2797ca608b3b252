// Package phone reads telephone numbers by the numbering plans of all
// countries. It takes text and a country and gives E.164, and is the only one
// that knows the library behind it: that loads its plans when the program
// starts, whether a script asks for them or not (5 to 7 ms and 2.5 MB on two
// cores of an AMD EPYC; `GODEBUG=inittrace=1` shows it).
package phone

import (
	"errors"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// Errors of E164.
var (
	ErrCountry = errors.New("there is no such country: two letters such as \"DE\" are expected")
	ErrNumber  = errors.New("the text is no telephone number of that country, nor one with + in front")
)

// E164 gives a number as "+4930123456". A number without its country's code is
// read as one dials it in the given country. It must be one that the country's
// plan knows; an extension is left out.
func E164(s, country string) (string, error) {
	region, ok := Region(country)
	if !ok {
		return "", ErrCountry
	}
	n, err := phonenumbers.Parse(s, region)
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return "", ErrNumber
	}
	return phonenumbers.Format(n, phonenumbers.E164), nil
}

// Country gives the country of a number in E.164, in two letters.
func Country(s string) (string, bool) {
	if !strings.HasPrefix(s, "+") {
		return "", false
	}
	n, err := phonenumbers.Parse(s, "ZZ")
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return "", false
	}
	region := phonenumbers.GetRegionCodeForNumber(n)
	return region, len(region) == 2 && region != "ZZ"
}

// Region gives the country in capital letters, if there is a plan for it. UK is
// what people write for GB.
func Region(country string) (string, bool) {
	c := strings.ToUpper(country)
	if c == "UK" {
		c = "GB"
	}
	return c, phonenumbers.GetSupportedRegions()[c]
}
