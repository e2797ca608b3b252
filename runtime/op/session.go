package op

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/runtime/event"
)

// Sessions. A key's sessions that have not been told stand in a cell under the key
// alone, each with a number that its pane is found by. The number stays when the
// session grows, in either direction, and of two that a record joins the earlier
// one's stays; so a cell never moves. A timer that finds its session gone does
// nothing, and one that finds it longer is set anew: a session that grows with each
// record costs no timers.

// session is one of a key's.
type session struct {
	id          uint64
	first, last int64 // times of its records, microseconds
}

func (s *session) end(gap int64) int64 { return after(s.last, gap) }

const sessionsForm = 1

// sessions reads the list of a key, in order of time.
func (st *paneStore) sessions() (list []session, next uint64, fail *diag.Failure) {
	b, ok := st.cells.Get(st.state, st.key)
	if !ok {
		return nil, 0, nil
	}
	r := reader{b: b}
	if r.form(sessionsForm) {
		next = r.uvarint()
		for n := r.count(3); n > 0 && !r.bad; n-- {
			s := session{id: r.uvarint(), first: r.varint()}
			s.last = s.first + r.varint()
			list = append(list, s)
		}
	}
	if !r.done() {
		return nil, 0, st.damaged("the sessions of the key")
	}
	return list, next, nil
}

func (st *paneStore) putSessions(list []session, next uint64) {
	if len(list) == 0 {
		st.cells.Delete(st.state, st.key)
		return
	}
	b := binary.AppendUvarint([]byte{sessionsForm}, next)
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = binary.AppendUvarint(b, s.id)
		b = binary.AppendVarint(b, s.first)
		b = binary.AppendVarint(b, s.last-s.first)
	}
	st.cells.Put(st.state, st.key, b)
}

// join puts the record into the session it touches: one whose gap it is within, on
// either side. Of two they become one; of none it begins its own. False where that
// would end at or before mark.
func (s *window) join(fr *Frame, st *paneStore, at, mark int64) (bool, *diag.Failure) {
	list, next, fail := st.sessions()
	if fail != nil {
		return false, fail
	}
	var touched []int
	for i := range list {
		if x := &list[i]; after(x.end(s.size), s.grace) > mark && at < x.end(s.size) && after(at, s.size) > x.first {
			touched = append(touched, i)
		}
	}
	switch len(touched) {
	case 0:
		due := after(after(at, s.size), s.grace)
		if due <= mark {
			return false, nil
		}
		now := session{id: next, first: at, last: at}
		i, _ := slices.BinarySearchFunc(list, at, func(x session, at int64) int { return cmp.Compare(x.first, at) })
		st.own = sessionName(now.id)
		st.putSessions(slices.Insert(list, i, now), next+1)
		if fail := s.add(fr, st, at, due); fail != nil {
			return false, fail
		}
	default:
		x := &list[touched[0]]
		for _, i := range touched[1:] { // at most one: two others would touch one another
			if fail := s.merge(st, x.id, list[i].id); fail != nil {
				return false, fail
			}
			x.last = list[i].last
		}
		x.first, x.last = min(x.first, at), max(x.last, at)
		st.own = sessionName(x.id)
		if len(touched) > 1 {
			list = slices.Delete(list, touched[1], touched[len(touched)-1]+1)
		}
		st.putSessions(list, next)
		if fail := s.add(fr, st, at, 0); fail != nil {
			return false, fail
		}
	}
	return true, fr.full(s.at)
}

// merge makes one pane of two, that of the earlier session.
func (s *window) merge(st *paneStore, id, other uint64) *diag.Failure {
	st.own = sessionName(id)
	p, _, fail := st.load(s.aggs)
	if fail != nil {
		return fail
	}
	st.own = sessionName(other)
	q, _, fail := st.load(s.aggs)
	if fail != nil {
		return fail
	}
	st.cells.Delete(st.state, st.pane())
	from := st.own
	st.own = sessionName(id)
	for i := range s.aggs {
		if fail := p.states[i].merge(st.of(&s.aggs[i]), q.states[i], from); fail != nil {
			return fail
		}
	}
	st.save(p, s.aggs)
	return nil
}

// leave tells a session that has ended.
func (s *window) leave(fr *Frame, st *paneStore, due int64) (int, *event.Record) {
	list, next, fail := st.sessions()
	if fail != nil {
		return s.tell(fr, st, nil, due, due, due, fail)
	}
	for i, x := range list {
		if sessionName(x.id) != st.own {
			continue
		}
		if now := after(x.end(s.size), s.grace); now > due && s.session {
			fr.cells.Arm(s.state, now, st.pane())
			return 0, nil
		}
		st.putSessions(slices.Delete(list, i, i+1), next)
		p, _, fail := st.load(s.aggs)
		return s.tell(fr, st, p, x.first, x.end(s.size), due, fail)
	}
	return 0, nil // part of another now
}
