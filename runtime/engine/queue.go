package engine

import "sync"

// queue hands things from a loop, which must not wait, to a goroutine that does.
type queue[T any] struct {
	wake chan struct{} // holds one: something is queued

	mu   sync.Mutex
	list []T
}

func newQueue[T any]() *queue[T] { return &queue[T]{wake: make(chan struct{}, 1)} }

// push queues things; it never waits.
func (q *queue[T]) push(xs ...T) {
	q.mu.Lock()
	q.list = append(q.list, xs...)
	q.mu.Unlock()
	signal(q.wake)
}

// take gives all that is queued.
func (q *queue[T]) take() []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := q.list
	q.list = nil
	return out
}
