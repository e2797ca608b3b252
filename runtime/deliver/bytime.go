package deliver

// waiter is what waits for a time of its own.
type waiter[T any] interface {
	earlier(than T) bool
	// stands tells it its index in the heap; -1: it is taken out.
	stands(at int)
}

// byTime is a heap of what waits, the earliest first (container/heap).
type byTime[T waiter[T]] []T

func (h byTime[T]) Len() int           { return len(h) }
func (h byTime[T]) Less(i, j int) bool { return h[i].earlier(h[j]) }
func (h byTime[T]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].stands(i)
	h[j].stands(j)
}

// Push is heap.Interface's.
func (h *byTime[T]) Push(x any) {
	w := x.(T)
	w.stands(len(*h))
	*h = append(*h, w)
}

// Pop is heap.Interface's.
func (h *byTime[T]) Pop() any {
	old := *h
	n := len(old) - 1
	w := old[n]
	var none T
	old[n] = none // let it be collected
	*h = old[:n]
	w.stands(-1)
	return w
}
