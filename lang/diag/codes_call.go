package diag

// Failures of `call http`.
var (
	NoAnswer = &Code{ID: "E0461", Title: "no answer to a call",
		Doc: "The receiver of a `call` could not be reached, or gave no answer that can be used, for as long as `retry:` allows. Replay the letter when it is there again."}
	NotAccepted = &Code{ID: "E0462", Title: "a call was refused",
		Doc: "A `call` was answered with another status than 2xx, or its `accept:` does not hold for the answer. The excerpt shows what came."}
	BadAnswer = &Code{ID: "E0463", Title: "an answer that is not JSON",
		Doc: "A `call` declares of what type the body of the answer is, and what came is not JSON: HTML, most of the time, of a proxy or of a page to log in. Without `as r: T` the body of an answer that is not JSON is its text."}
	NeverHeld = &Code{ID: "E0464", Title: "asked for as long as `for:` allows",
		Doc: "A `call` was repeated `every:` so often for as long as `for:` says, and its `until:` held for none of the answers. The excerpt shows the last one."}
)

// callCodes lists them.
func callCodes() []*Code { return []*Code{NoAnswer, NotAccepted, BadAnswer, NeverHeld} }
