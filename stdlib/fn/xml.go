package fn

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

var xmlDecode = &types.Func{
	Name: "xml.decode",
	Doc: "The element of an XML document as an object of its name. Attributes are \"@id\", the text beside them or beside other elements is \"#text\"; an element of text alone is that text. " +
		"An element that comes several times is a list, one that comes once is none. Names stay as they are written, with their prefix.",
	Params: params{param("s", types.StringT, "XML")}, Result: types.ObjectT, Fails: true,
	Examples: ex(`xml.decode("<order id=\"7\"><line>a</line><line>b</line><note/></order>")`, `{ order: { "@id": "7", line: ["a", "b"], note: "" } }`,
		`xml.decode("<price currency=\"EUR\">4.99</price>")`, `{ price: { "@currency": "EUR", "#text": "4.99" } }`,
		`xml.decode("<a><b></a>")`, `fails`, `xml.decode("")`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		return decodeXML(a[0].(string))
	},
}

// xmlElement is one that is being read.
type xmlElement struct {
	name string
	own  *value.Object
	text strings.Builder
	many map[string]bool // fields that are lists of ours
}

// value gives what an element has become.
func (e *xmlElement) value() value.Value {
	s := strings.TrimSpace(e.text.String())
	switch {
	case e.own.Len() == 0:
		return s
	case s != "":
		e.own.Set("#text", s)
	}
	return e.own
}

func (e *xmlElement) add(name string, v value.Value) {
	old, ok := e.own.Get(name)
	switch {
	case !ok:
		e.own.Set(name, v)
	case e.many[name]:
		e.own.Set(name, append(old.(value.List), v))
	default:
		if e.many == nil {
			e.many = map[string]bool{}
		}
		e.many[name] = true
		e.own.Set(name, value.List{old, v})
	}
}

// decodeXML reads raw tokens, so that prefixes stay what they are; it therefore
// checks itself that elements end as they began.
func decodeXML(s string) (value.Value, error) {
	d := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(s, "\ufeff")))
	// A text is UTF-8 whatever its first line says.
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	root := &xmlElement{own: &value.Object{}}
	open := []*xmlElement{root}
	for n := 0; ; n++ {
		if n > maxElems {
			return nil, tooMany()
		}
		t, err := d.RawToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			var syntax *xml.SyntaxError
			if errors.As(err, &syntax) {
				return nil, failf("line %d of the XML: %s", syntax.Line, syntax.Msg)
			}
			return nil, errors.New("the text is not XML")
		}
		at := open[len(open)-1]
		switch t := t.(type) {
		case xml.StartElement:
			switch {
			case at == root && root.own.Len() > 0:
				return nil, errors.New("the XML has a second element beside its first")
			case len(open) > value.MaxDepth/2: // a list and an object for each
				return nil, failf("the XML is nested more than %d deep", value.MaxDepth/2)
			}
			e := &xmlElement{name: xmlName(t.Name), own: &value.Object{}}
			for _, attr := range t.Attr {
				e.own.Set("@"+xmlName(attr.Name), attr.Value)
			}
			open = append(open, e)
		case xml.EndElement:
			if at == root || at.name != xmlName(t.Name) {
				return nil, failf("line %d of the XML ends %q, which is not open there", lineOf(d), xmlName(t.Name))
			}
			open = open[:len(open)-1]
			open[len(open)-1].add(at.name, at.value())
		case xml.CharData:
			if at == root && strings.TrimSpace(string(t)) != "" {
				return nil, errors.New("the XML has text outside of its element")
			}
			at.text.Write(t)
		}
	}
	if len(open) > 1 || root.own.Len() == 0 {
		return nil, errors.New("the XML ends before its element does")
	}
	return root.own, nil
}

func lineOf(d *xml.Decoder) int {
	line, _ := d.InputPos()
	return line
}

func xmlName(n xml.Name) string {
	if n.Space != "" {
		return n.Space + ":" + n.Local
	}
	return n.Local
}
