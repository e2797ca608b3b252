package diag

// BadCall is the failure of a call that came in by `from segment`.
var BadCall = &Code{ID: "E0405", Title: "a call that Segment would discard",
	Doc: "A call came in by `from segment` that breaks one of Segment's rules of ingest: it names nobody, a track has no event, an id is \"\" or no text, properties or traits are no object, or it has more than 32 KB. The message ends in Segment's word for it, the field is named, and the same word stands in the answer that the sender got. The other calls of its batch go on."}

// segmentCodes lists it.
func segmentCodes() []*Code { return []*Code{BadCall} }
