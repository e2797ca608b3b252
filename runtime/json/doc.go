// Package json reads and writes the JSON of events without building values.
//
// It is the bottom of the hot path: one pass over a record finds the places a
// route reads and checks the whole text, output is made by copying pieces of
// the record. Nothing is decoded that nobody asks for.
//
// # Reading
//
// A [Plan] is a trie of the paths somebody wants to read. It is built once per
// route, sealed, and shared; a [Scanner] is the state of one goroutine.
//
//	p := json.NewPlan()
//	order := p.Root().Key("order")
//	total := order.Key("total").Slot()        // a slot of the record's frame
//	items := p.Root().Key("items")
//	list := items.Slot()                      // the list itself
//	sku := items.Each().Key("sku").Slot()     // a slot of each element's frame
//	elem := items.Each().Slot()               // the element itself, of any kind
//	p.Seal()
//
//	s := json.NewScanner(p)                   // one per goroutine
//	if err := s.Scan(record); err != nil { … }
//	fr := s.Frame()
//	switch sp := fr[total]; sp.Kind { case json.Num: … record[sp.Start:sp.End] … }
//	for i, els := 0, s.Elems(fr[list]); i < els.Len(); i++ {
//		efr := els.At(i)
//		… efr[sku], efr[elem] …
//	}
//
// A constant index is read through the same frames: `.items[0].sku` is
// els.At(0)[sku] where els has that many. Fields chosen only at run time, and
// spreads, walk an object's members with [MembersOf].
//
// A slot holds a [Span]: Missing, PathErr, or where a value stands and of what
// kind it is. Frames and spans are valid until the next Scan of that Scanner,
// and spans point into the record that was scanned.
//
// Scan accepts exactly the texts that are JSON by RFC 8259, are UTF-8, and
// nest at most [MaxDepth] deep; one byte order mark at the very start is
// skipped. It never looks at less of the text than that, whatever the plan.
// Of duplicate keys the last wins with its whole subtree (E3), keys match by
// their decoded text, and a path through null or a missing member is Missing
// while one through text, a number, a bool or a list is PathErr (E4).
//
// # Judging a shape
//
// A plan can also carry a simple type: which kinds may stand at a node
// ([Node.Allow], [Node.OneOf]) and which members an object must have
// ([Node.Require]). [Scanner.Shape] then says whether the record certainly has
// that shape. It may say no of a record that has it (the caller asks the
// reference path then), it never says yes of one that has not.
//
// # Writing
//
// Functions called Append… append to a slice and return it. Text taken from a
// scanned record is passed on byte for byte, except that lone surrogate
// escapes become U+FFFD: [AppendRaw] knows from the span's flags whether there
// are any, and is a plain copy when there are none.
//
// # Looking at values without decoding
//
// [EqualText] compares a text, escapes and all. [ParseDecimal] reads numbers
// of up to 18 digits, to compare exactly; [ParseTime] reads times in the form
// the language prints; [AppendUpper] and [AppendLower] know ASCII. Each says
// when it is not up to a value, and the caller takes the reference path.
//
// The package knows no expression, no type of the language, no clock and no
// network, and imports nothing of ours.
package json
