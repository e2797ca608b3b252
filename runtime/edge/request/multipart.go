package request

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/types"
)

// IsMultipart tells whether the body is a form in parts, as pages send one that may hold
// files.
func (r *Request) IsMultipart() bool {
	kind, _, _ := strings.Cut(r.Header("content-type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), "multipart/form-data")
}

// multipart reads a form in parts: each is a parameter, of a file its content. replaced
// counts those in which bytes that are no text became U+FFFD.
func (r *Request) multipart() (list []Parameter, replaced int, err error) {
	_, given, err := mime.ParseMediaType(r.Header("content-type"))
	if err != nil || given["boundary"] == "" {
		return nil, 0, errors.New("a content type that names no boundary")
	}
	for parts := multipart.NewReader(bytes.NewReader(r.Body), given["boundary"]); ; {
		p, err := parts.NextPart()
		if err == io.EOF {
			return list, replaced, nil
		}
		var b []byte
		if err == nil {
			b, err = io.ReadAll(p)
		}
		if err != nil {
			return nil, 0, errors.New("a body that has no such parts, or is cut")
		}
		name := p.FormName()
		if !utf8.ValidString(name) || !utf8.Valid(b) {
			replaced++
		}
		list = append(list, Parameter{strings.ToValidUTF8(name, "\ufffd"), strings.ToValidUTF8(string(b), "\ufffd")})
	}
}

// notInParts is the fault of a form in parts that cannot be read.
func notInParts(err error) *Fault {
	return &Fault{Mismatch: &types.Mismatch{Path: ".", Want: "a form in parts (multipart/form-data)", Got: err.Error(),
		Help: "have its sender send JSON, or a form as application/x-www-form-urlencoded"}}
}
