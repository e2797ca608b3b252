package deliver

import "fmt"

// dump describes where everything stands, for failing tests.
func (s *Scheduler) dump(now int64) string {
	out := fmt.Sprintf("health %+v fails %d window %d turn %d\n", s.Health(now), s.fails, s.window, s.turn)
	for _, r := range s.retries {
		out += fmt.Sprintf("retry ends %v due %d attempts %d:", r.ends, r.due-now, r.attempts)
		for _, it := range r.items {
			out += fmt.Sprintf(" %d", it.out.Index)
		}
		out += "\n"
	}
	show := func(name string, sl *slot) {
		if sl.head == nil && sl.state == idle {
			return
		}
		out += fmt.Sprintf("%s state %d undecided %d alone %v due %d:", name, sl.state, sl.undecided, sl.alone, sl.due-now)
		for it := sl.head; it != nil; it = it.next {
			out += fmt.Sprintf(" %d", it.out.Index)
		}
		out += "\n"
	}
	for i := range s.classes {
		for j := range s.classes[i].slots {
			show(fmt.Sprintf("slot %d/%d", i, j), &s.classes[i].slots[j])
		}
		for key, l := range s.classes[i].lots {
			show(fmt.Sprintf("unordered %d %v", i, key), &l.unordered)
		}
	}
	for _, sl := range s.sides {
		show(fmt.Sprintf("side %d", sl.lane), sl)
	}
	return out
}
