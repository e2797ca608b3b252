// Package currency holds the currencies of ISO 4217 as data: their codes and how
// many decimals their amounts have. It takes codes and knows nothing else.
//
// The list is written out, and not taken from CLDR: that gives no decimals to
// many currencies whose coins are out of use (AFN, ALL, IQD, IRR …), and amounts in
// minor units come from payment systems, which go by the standard.
package currency

import (
	"slices"
	"strings"
)

// Edition is the state of the list: ISO 4217 with amendments up to 2025.
const Edition = "2025"

// codes are all active codes, those of funds and metals included; withdrawn ones
// that old orders still carry stand in a list of their own.
const codes = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD " +
	"CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD " +
	"HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD " +
	"MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR " +
	"RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS " +
	"UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF XPT XSU XTS XUA XXX YER ZAR ZMW ZWG"

// withdrawn codes of the last ten years.
const withdrawn = "ANG BYR CUC HRK LTL MRO SLL STD VEF ZWL"

// Decimals other than two. Metals, funds and the codes that stand for no money
// have none that one could count in.
var (
	none  = strings.Fields("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF BYR")
	three = strings.Fields("BHD IQD JOD KWD LYD OMR TND")
	four  = strings.Fields("CLF UYW")
	apart = strings.Fields("XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX")

	digits = func() map[string]int {
		m := map[string]int{}
		for _, c := range strings.Fields(codes + " " + withdrawn) {
			switch {
			case slices.Contains(apart, c):
				m[c] = -1
			case slices.Contains(none, c):
				m[c] = 0
			case slices.Contains(three, c):
				m[c] = 3
			case slices.Contains(four, c):
				m[c] = 4
			default:
				m[c] = 2
			}
		}
		return m
	}()
)

// Valid tells whether a code is one of ISO 4217; in capital letters, as Segment
// and banks want it.
func Valid(code string) bool {
	_, ok := digits[code]
	return ok
}

// Digits tells how many decimals amounts of a currency have, its code in either
// case; false where there is no such currency, or none that is counted so (gold).
func Digits(code string) (int, bool) {
	d, ok := digits[strings.ToUpper(code)]
	return max(d, 0), ok && d >= 0
}

// Codes lists all codes, for "did you mean".
func Codes() []string { return strings.Fields(codes) }
