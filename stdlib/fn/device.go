package fn

import (
	"regexp"
	"strings"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// cleaned declares a function that gives the one way to write an id, or null where
// a text is none.
func cleaned(name, doc string, examples []types.Example, f func(string) (string, bool)) *types.Func {
	return &types.Func{
		Name: name, Doc: doc, Params: params{param("s", types.StringT, "text")}, Result: types.Nullable(types.StringT), Examples: examples,
		Call: func(_ *types.Context, a args) (value.Value, error) {
			if s, ok := value.Nonblank(a[0].(string)); ok {
				if s, ok = f(s); ok {
					return s, nil
				}
			}
			return nil, nil
		},
	}
}

// deviceUUID is a UUID that is not all zeros, as a device gives who may not know its
// advertising id.
func deviceUUID(s string) (string, bool) {
	b, ok := uuidBytes(s)
	return s, ok && b != [16]byte{}
}

var deviceIDFA = cleaned("device.idfa", "Apple's advertising id in capitals; null for zeros, blanks, macros and what is no UUID.",
	ex(`device.idfa("6d92078a-8246-4ba4-ae5b-76104861e7dc")`, `"6D92078A-8246-4BA4-AE5B-76104861E7DC"`,
		`device.idfa("00000000-0000-0000-0000-000000000000")`, `null`, `device.idfa("{idfa}")`, `null`, `device.idfa("6D92078A")`, `null`),
	upperUUID)

var deviceIDFV = cleaned("device.idfv", "Apple's id of a device for one vendor, in capitals; null for zeros, blanks, macros and what is no UUID.",
	ex(`device.idfv(" 1f0e9c3b-5a77-4c0b-9e46-3b7a2c9d8e10 ")`, `"1F0E9C3B-5A77-4C0B-9E46-3B7A2C9D8E10"`, `device.idfv("null")`, `null`),
	upperUUID)

func upperUUID(s string) (string, bool) {
	s, ok := deviceUUID(s)
	return strings.ToUpper(s), ok
}

var deviceGAID = cleaned("device.gaid", "Google's advertising id in small letters; null for zeros, blanks, macros and what is no UUID.",
	ex(`device.gaid("CDDA802E-FB9C-47AD-9866-0794D394C912")`, `"cdda802e-fb9c-47ad-9866-0794d394c912"`,
		`device.gaid("00000000-0000-0000-0000-000000000000")`, `null`, `device.gaid("__GAID__")`, `null`),
	func(s string) (string, bool) {
		s, ok := deviceUUID(s)
		return strings.ToLower(s), ok
	})

// sharedAndroidIDs are those that whole releases of Android have in common: nobody
// can be told by them.
var sharedAndroidIDs = map[string]bool{
	"9774d56d682e549c": true, // Android 2.2 of several makers
	"dead00beef":       true,
	"0000000000000000": true,
	"ffffffffffffffff": true,
}

var androidID = regexp.MustCompile(`^[0-9a-f]{8,16}$`)

var deviceAndroidID = cleaned("device.android_id", "Android's id of a device in small letters; null for blanks, macros, what is no hexadecimal number of 8 to 16 digits, and the ids that whole releases of Android share.",
	ex(`device.android_id("A1B2C3D4E5F60718")`, `"a1b2c3d4e5f60718"`, `device.android_id("9774d56d682e549c")`, `null`, `device.android_id("N/A")`, `null`),
	func(s string) (string, bool) {
		s = strings.ToLower(s)
		return s, androidID.MatchString(s) && !sharedAndroidIDs[s]
	})

// What tells a platform, in small letters. "like Mac OS X" also stands in the agents of
// iPhones, so only the devices and the word ios count.
var (
	ios     = regexp.MustCompile(`iphone|ipad|ipod|(^|[^a-z])(ios|ipados)([^a-z]|$)`)
	android = regexp.MustCompile(`android|dalvik`)
)

var devicePlatform = cleaned("device.platform", "`\"ios\"` or `\"android\"`, from a platform, the version of a device or a user agent; null for others.",
	ex(`device.platform("iPhone-iOS-17.5")`, `"ios"`, `device.platform("Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/AP2A.240805.005)")`, `"android"`,
		`device.platform("Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X)")`, `"ios"`, `device.platform("Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1)")`, `null`, `device.platform("axios/1.6")`, `null`),
	func(s string) (string, bool) {
		s = strings.ToLower(s)
		switch {
		case strings.Contains(s, "windows phone"):
			return "", false
		case android.MatchString(s):
			return "android", true
		case ios.MatchString(s):
			return "ios", true
		}
		return "", false
	})
