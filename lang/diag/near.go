package diag

import "strings"

// Nearest finds the candidate that the writer most likely meant, or "".
func Nearest(word string, candidates []string) string {
	// A third of the letters may be wrong, one at least; of one or two letters
	// none, because any other word as short would be near.
	best, bd := "", 1+max(1, (min(len(word), 12)+1)/3)
	if len(word) < 3 {
		bd = 1
	}
	for _, c := range candidates {
		if c == word {
			continue
		}
		d := Distance(strings.ToLower(word), strings.ToLower(c))
		if d < bd || d == bd && best != "" && closer(word, c, best) {
			best, bd = c, d
		}
	}
	return best
}

// closer decides between two candidates of the same distance: the one that
// begins more like the word, since endings are what typing loses.
func closer(word, a, b string) bool {
	if x, y := common(word, a), common(word, b); x != y {
		return x > y
	}
	return a < b
}

func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// Distance counts insertions, deletions, replacements and swaps of neighbours.
func Distance(a, b string) int {
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			c := 1
			if a[i-1] == b[j-1] {
				c = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+c)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
