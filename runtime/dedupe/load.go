package dedupe

// Loader fills a table at a start. It collects claims and adds many at a time in the
// order of their prints, so that memory is walked through: one that is jumped about
// in takes several times as long.
type Loader struct {
	t             *Table
	claims, spare []Claim
	most          int // claims that are added at a time
	warm          byte
}

// loadClaims are added at a time: two buffers of 32 MB, for as long as it lasts.
const loadClaims = 1 << 20

// Load begins to fill the table with about n claims; there may be fewer or more.
func (t *Table) Load(n int) *Loader {
	for no := range t.shards {
		s := &t.shards[no]
		if homes := (s.n + n/len(t.shards)) * loadMul / loadDiv; homes > max(s.homes, leastHomes) {
			t.move(no, homes, never)
		}
	}
	return &Loader{t: t, most: loadClaims}
}

// A table that was filled is about as full as one that grew is on average, so that a
// start does not take more of a budget than the process before it.
const loadMul, loadDiv = 15, 11

// Add takes a claim.
func (l *Loader) Add(c Claim) {
	if len(l.claims) == l.most {
		l.flush()
	}
	l.claims = append(l.claims, c)
}

// Done ends the filling; the table is not to be used before.
func (l *Loader) Done() { l.flush() }

func (l *Loader) flush() {
	if cap(l.spare) < len(l.claims) {
		l.spare = make([]Claim, len(l.claims))
	}
	sorted := l.spare[:len(l.claims)]
	sortBy(sorted, l.claims, 1)
	ends := sortBy(l.claims, sorted, 0)
	begin := 0
	for _, end := range ends {
		for ; begin < end; begin += warmClaims {
			some := l.claims[begin:min(end, begin+warmClaims)]
			for i := range some {
				l.warm ^= l.t.peek(&some[i].Key)
			}
			for i := range some {
				l.t.Add(some[i], never)
			}
		}
		begin = end
	}
	l.claims = l.claims[:0]
}

// warmClaims are asked for together before they are added, so that the processor waits
// for their memory once and not for each.
const warmClaims = 32

// peek reads where a claim of a key will lie.
func (t *Table) peek(k *Print) byte {
	no, hi, _ := k.parts()
	s := &t.shards[no]
	if len(s.slots) == 0 {
		return 0
	}
	return s.slots[s.home(hi)][0]
}

// never is a watermark at which no claim has ended.
const never = -1 << 63

// sortBy puts claims into dst in the order of one byte of their prints, equal ones as
// they stand, and gives the end of those with each byte.
func sortBy(dst, claims []Claim, at int) (ends [256]int) {
	for i := range claims {
		ends[claims[i].Key[at]]++
	}
	n := 0
	for b, count := range ends {
		ends[b] = n
		n += count
	}
	for i := range claims {
		b := claims[i].Key[at]
		dst[ends[b]] = claims[i]
		ends[b]++
	}
	return ends
}
