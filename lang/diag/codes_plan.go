package diag

// The mistakes that a team's own tracking plan tells.
var (
	NotPlanned = &Code{ID: "E0480", Title: "not what the tracking plan says",
		Doc: "The connection of this emit has a `plan:`, and the event, which was only known when the record ran, breaks it: its name is not planned, a property is missing, of another type, or not one of the values that the plan admits. The path says which. Correct the script or the plan and replay the letter."}
	AgainstPlan = &Code{ID: "E0506", Title: "against the tracking plan",
		Doc: "The connection of this emit has a `plan:`, and this event breaks it whatever the record is: the plan has no event of this name, needs a property that is not there or may be null, wants another type, or admits no other properties."}
	BadPlan = &Code{ID: "E0507", Title: "not a tracking plan",
		Doc: "`plan:` names a file of the program's folder: JSON with rules of `key`, `type` and `jsonSchema`, as Segment's API, Terraform and Typewriter write it."}
	Unplanned = &Code{ID: "W0530", Title: "a property that is not planned",
		Doc: "The tracking plan of the connection knows the event, and not this property. It is sent; if it is right, the plan should have it."}
)

// The mistakes of a type that a JSON Schema declares.
var (
	BadSchema = &Code{ID: "E0508", Title: "no type can be made of the schema",
		Doc: "`type X = schema \"file.json\"` reads a JSON Schema in the program's folder: objects with `properties`, `required` and `additionalProperties`, lists with `items`, kinds (one or several), `enum`, `const`, `anyOf`, `oneOf`, `allOf` of objects, `nullable`, `default`, `format: date-time` as a time, and `$ref` inside the file. The message names the keyword and its place in the file."}
	OpenSchema = &Code{ID: "W0531", Title: "a rule of the schema that a type cannot say",
		Doc: "The type takes every value of its kind: patterns, lengths, smallest and largest numbers and formats other than date-time are not judged. Where one matters, say it in the route: `require .total >= 0 else \"…\"`, `email.valid(.email)`."}
)

// planCodes lists them.
func planCodes() []*Code {
	return []*Code{NotPlanned, AgainstPlan, BadPlan, Unplanned, BadSchema, OpenSchema}
}
