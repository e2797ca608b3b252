package value

// Object is a list of fields in the order they came; a key stands once.
// A nil *Object is not a value.
type Object struct {
	fields []Field
	index  map[string]int // only where there are many fields
}

// Field is one field of an object.
type Field struct {
	Key   string
	Value Value
}

// indexFrom is the number of fields from which look-ups go by map.
const indexFrom = 12

// NewObject makes an object of the given fields; the last of equal keys wins
// and stands where the last stood.
func NewObject(fields ...Field) *Object {
	return own(append(make([]Field, 0, len(fields)), fields...))
}

// ObjectOf is NewObject of fields that the caller gives away: they are not copied.
func ObjectOf(fields []Field) *Object { return own(fields) }

// own makes an object of fields that nobody else holds. It takes time in
// proportion to their number, also when every key comes twice: Put in a loop
// would not, and an event may hold half a million fields.
func own(fields []Field) *Object {
	if len(fields) < indexFrom {
		o := &Object{fields: fields[:0]}
		for i, f := range fields {
			if !keyIn(fields[i+1:], f.Key) {
				o.fields = append(o.fields, f)
			}
		}
		return o
	}
	last := make(map[string]int, len(fields))
	for i := range fields {
		last[fields[i].Key] = i
	}
	o := &Object{fields: fields, index: last}
	if len(last) == len(fields) {
		return o
	}
	o.fields = fields[:0]
	for i, f := range fields {
		if last[f.Key] == i {
			o.fields = append(o.fields, f)
		}
	}
	o.reindex()
	return o
}

func keyIn(fields []Field, key string) bool {
	for i := range fields {
		if fields[i].Key == key {
			return true
		}
	}
	return false
}

// Len is the number of fields.
func (o *Object) Len() int { return len(o.fields) }

// At gives the i-th field.
func (o *Object) At(i int) Field { return o.fields[i] }

// Get gives the value of a key, and whether the field is there (a field that is
// null is there).
func (o *Object) Get(key string) (Value, bool) {
	if i := o.find(key); i >= 0 {
		return o.fields[i].Value, true
	}
	return nil, false
}

// Find follows keys down through objects; null where one of them is not there, or what
// should have it is no object.
func (o *Object) Find(path ...string) Value {
	var v Value = o
	for _, key := range path {
		in, ok := v.(*Object)
		if !ok {
			return nil
		}
		v, _ = in.Get(key)
	}
	return v
}

// Has tells whether the field is there.
func (o *Object) Has(key string) bool { return o.find(key) >= 0 }

func (o *Object) find(key string) int {
	if o.index != nil {
		if i, ok := o.index[key]; ok {
			return i
		}
		return -1
	}
	for i := range o.fields {
		if o.fields[i].Key == key {
			return i
		}
	}
	return -1
}

// Put sets a field; a replaced one goes to the end ({...o, a: 1} puts a last).
// Only for objects nobody else holds yet.
func (o *Object) Put(key string, v Value) {
	if i := o.find(key); i >= 0 {
		o.Delete(key)
	}
	o.append(key, v)
}

// Set sets a field in its place, or at the end when it is new (`set .a = …`).
// Only for objects nobody else holds yet.
func (o *Object) Set(key string, v Value) {
	if i := o.find(key); i >= 0 {
		o.fields[i].Value = v
		return
	}
	o.append(key, v)
}

func (o *Object) append(key string, v Value) {
	o.fields = append(o.fields, Field{key, v})
	switch {
	case o.index != nil:
		o.index[key] = len(o.fields) - 1
	case len(o.fields) >= indexFrom:
		o.reindex()
	}
}

func (o *Object) reindex() {
	o.index = make(map[string]int, len(o.fields))
	for i := range o.fields {
		o.index[o.fields[i].Key] = i
	}
}

// Delete takes a field out. Only for objects nobody else holds yet.
func (o *Object) Delete(key string) {
	i := o.find(key)
	if i < 0 {
		return
	}
	o.fields = append(o.fields[:i], o.fields[i+1:]...)
	if o.index != nil {
		o.reindex()
	}
}

// Clone copies the object, not the values in it.
func (o *Object) Clone() *Object {
	c := &Object{fields: append(make([]Field, 0, len(o.fields)+2), o.fields...)}
	if o.index != nil {
		c.reindex()
	}
	return c
}
