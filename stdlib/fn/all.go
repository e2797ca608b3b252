package fn

import (
	"net/netip"

	"github.com/sluice-dev/sluice/lang/types"
)

// Sections lists all functions as the reference shows them. It is an explicit
// list: what is registered can be found here, and the order of files and tests
// cannot matter.
func Sections() []Section {
	return []Section{
		{"Conversion and tests", []*types.Func{stringFn, numberFn, intFn, boolFn, timeFn, durationFn, typeFn, nonblank, defaultFn, failFn, nowFn}},
		{"Text", []*types.Func{upper, lower, title, trim, trimPrefix, trimSuffix, replace, split, join, contains, startsWith, endsWith, before, after, between,
			substring, truncate, pad, length, linesFn, textASCII, textNormalize, textSlug, textMask, textCount, textClean}},
		{"Numbers", []*types.Func{round, floor, ceil, abs, minFn, maxFn, clamp, sum, average, percent, numberParse, numberFormat, numberUnscaled, numberHex, numberBucket}},
		{"Lists", []*types.Func{first, last, take, skip, sortFn, sortBy, unique, uniqueBy, groupBy, indexBy, reverse, flatten, anyFn, allFn}},
		{"Objects", []*types.Func{keys, values, entries, fromEntries, has, get, pick, omit, rename, merge, deepMerge, diff, compact, flattenKeys, prefixKeys}},
		{"time", []*types.Func{timeParse, timeFormat, timeValid, timeUnix, timeUnixMS, timeFromUnix, timeFromUnixMS, timeFromUnixUS, timeDate, timeFloor, timeCeil,
			timeYear, timeMonth, timeDay, timeHour, timeWeekday, timeWeek, timeAddMonths, timeSeconds, timeIsZone}},
		{"case", []*types.Func{caseSnake, caseCamel, caseTitle, caseKebab}},
		{"regex", []*types.Func{regexCapture, regexFind, regexFindAll, regexReplace, regexSplit}},
		{"json, csv, xml, base64, hex, gzip", []*types.Func{jsonDecode, jsonEncode, jsonValid, csvDecode, csvRow, xmlDecode, base64Encode, base64Decode, hexEncode, hexDecode, gzipDecode}},
		{"url", []*types.Func{urlParse, urlHost, urlDomain, urlPath, urlQuery, urlEncode, urlDecode, urlWithout, urlUTM}},
		{"hash, uuid", []*types.Func{hashSHA256, hashSHA1, hashMD5, hashHMAC, hashShort, hashBucket, uuidV5, uuidValid}},
		{"email, phone", []*types.Func{emailNormalize, emailValid, emailDomain, emailIsRole, emailIsFree, phoneE164, phoneValid, phoneCountry, phoneDigits}},
		{"country", []*types.Func{countryCode, countryName, countryAlpha3}},
		{"ip, ua", []*types.Func{ipValid, ipPrivate, ipWithin, ipAnonymize, IPCountry(func(netip.Addr) (string, bool) { return "", false }), uaParse}},
		{"device", []*types.Func{deviceIDFA, deviceIDFV, deviceGAID, deviceAndroidID, devicePlatform}},
		{"segment, ads", []*types.Func{segmentIDs, segmentAudience, segmentEventName, segmentAnonymousID, segmentIDOK, segmentContext, adsEmail, adsPhone, adsName, adsConsent}},
		{"currency", []*types.Func{currencyValid, currencyDigits, currencyFromMinor, currencyToMinor}},
	}
}

// All lists all functions.
func All() []*types.Func {
	var out []*types.Func
	for _, s := range Sections() {
		out = append(out, s.Funcs...)
	}
	return out
}
