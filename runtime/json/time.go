package json

// ParseTime reads a time in the canonical form YYYY-MM-DDTHH:MM:SS.mmmZ, which
// is what the language prints: such text may be passed on as it is. It gives
// the time in milliseconds since 1970. ok is false for every other form and
// for dates that do not exist (years are 1…9999, seconds 0…59): the caller
// takes the slow path.
func ParseTime(s []byte) (unixMilli int64, ok bool) {
	if len(s) != 24 || s[4] != '-' || s[7] != '-' || s[10] != 'T' ||
		s[13] != ':' || s[16] != ':' || s[19] != '.' || s[23] != 'Z' {
		return 0, false
	}
	// A byte that is no digit makes a field of 1,000 and more.
	year := two(s, 0)*100 + two(s, 2)
	month, day := two(s, 5), two(s, 8)
	hour, minute, sec := two(s, 11), two(s, 14), two(s, 17)
	milli := two(s, 20)*10 + two(s, 21)%10
	if two(s, 21) >= notDigits || milli > 999 || year < 1 || year > 9999 || hour > 23 || minute > 59 || sec > 59 ||
		month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	secs := int64(daysSince1970(year, month, day))*86400 + int64(hour*3600+minute*60+sec)
	return secs*1000 + int64(milli), true
}

const notDigits = 1_000_000

// two reads two digits at s[i], notDigits if they are none.
func two(s []byte, i int) int {
	a, b := s[i]-'0', s[i+1]-'0'
	if a > 9 || b > 9 {
		return notDigits
	}
	return int(a)*10 + int(b)
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysSince1970 counts in the proleptic Gregorian calendar. Years are taken
// to begin in March, so that the leap day is the last of a year.
func daysSince1970(year, month, day int) int {
	if month <= 2 {
		year--
		month += 12
	}
	return 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 719469
}
