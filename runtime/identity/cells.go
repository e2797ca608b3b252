package identity

// How people lie in cells. The first byte of a key is its kind:
//
//	n type value   whose an identifier is: the number of a person
//	p number       a person, or to whom they went
//	u uuid         the number of the person who has, or had, this id
//	d type value   how many users other than its owner's a device has seen, and whose
//	x number type value   an identifier that an operator took from a person
//	g hash         a keyed hash of an identifier that was forgotten: until when, and how often
//	s              the number of the next person
//	b              patterns that an operator blocked
//
// A type stands by what its name is, never by its rank, so that a declaration may
// change.
const (
	nodeKind   = 'n'
	personKind = 'p'
	uuidKind   = 'u'
	deviceKind = 'd'
	unlinkKind = 'x'
	goneKind   = 'g'
	seqKind    = 's'
	blockKind  = 'b'
)

// codes are the types with a byte of their own; any other is 0, its length, its name.
var codes = map[string]byte{
	"user_id": 1, "email": 2, "phone": 3, "kochava_device_id": 4, "anonymous_id": 5, "idfv": 6, "android_id": 7, "idfa": 8, "adid": 9, "crm_id": 10,
}

func typeCode(name string) []byte {
	if c, ok := codes[name]; ok {
		return []byte{c}
	}
	return append([]byte{0, byte(len(name))}, name...)
}
