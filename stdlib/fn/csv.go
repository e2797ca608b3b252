package fn

import (
	"encoding/csv"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

var errSep = errors.New("the separator of CSV is one character, and no quote or line end")

func separator(s string) (rune, error) {
	r, n := utf8.DecodeRuneInString(s)
	if s == "" || n != len(s) || r == utf8.RuneError || strings.ContainsRune("\"\r\n", r) {
		return 0, errSep
	}
	return r, nil
}

var csvDecode = &types.Func{
	Name: "csv.decode",
	Doc:  "The rows of CSV (RFC 4180), an object each, every value a text. Without a header the fields are \"1\", \"2\" …; empty lines are skipped. Fails where a row has more or fewer values than the first, and where two columns have one name.",
	Params: params{param("s", types.StringT, "CSV"), optional("header", types.BoolT, true, "whether the first line names the columns"),
		optional("sep", types.StringT, ",", "separator, one character")},
	Result: objects,
	Fails:  true,
	Codes:  names,
	Infer: func(a []*types.Type) (*types.Type, error) {
		if a[2].Kind == types.Literal {
			if _, err := separator(a[2].Lit.(string)); err != nil {
				return nil, err
			}
		}
		return types.ListOf(types.MapOf(types.StringT)), nil
	},
	Examples: ex(`csv.decode("id,name\n1,\"Lee, Ann\"\n2,Bo\n")`, `[{ id: "1", name: "Lee, Ann" }, { id: "2", name: "Bo" }]`,
		`csv.decode("a;b", false, ";")`, `[{ "1": "a", "2": "b" }]`, `csv.decode("")`, `[]`,
		`csv.decode("id,name\n1")`, `fails`, `csv.decode("id,id\n1,2")`, `fails`, `csv.decode("a", true, "::")`, `error E0301`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		sep, err := separator(a[2].(string))
		if err != nil {
			return nil, err
		}
		r := csv.NewReader(strings.NewReader(strings.TrimPrefix(a[0].(string), "\ufeff")))
		r.Comma = sep
		var columns []string
		out := value.List{}
		for n := 0; ; {
			row, err := r.Read()
			if err == io.EOF {
				return out, nil
			}
			if err != nil {
				return nil, csvError(err)
			}
			if columns == nil {
				if columns, err = columnsOf(row, a[1].(bool)); err != nil {
					return nil, err
				}
				if a[1].(bool) {
					continue
				}
			}
			if n += len(row); n > maxElems {
				return nil, tooMany()
			}
			o := &value.Object{}
			for i, v := range row {
				o.Set(columns[i], v)
			}
			out = append(out, o)
		}
	},
}

// columnsOf names the columns: as the first row does, or by their number.
func columnsOf(row []string, header bool) ([]string, error) {
	out := make([]string, len(row))
	seen := map[string]bool{}
	for i, name := range row {
		if !header {
			name = strconv.Itoa(i + 1)
		}
		switch {
		case strings.TrimSpace(name) == "":
			return nil, failf("column %d has no name", i+1)
		case seen[name]:
			return nil, collision(name)
		}
		seen[name], out[i] = true, name
	}
	return out, nil
}

func csvError(err error) error {
	var p *csv.ParseError
	switch {
	case !errors.As(err, &p):
		return err
	case errors.Is(p.Err, csv.ErrFieldCount):
		return failf("line %d of the CSV has another number of values than the first", p.Line)
	case errors.Is(p.Err, csv.ErrQuote):
		return failf("line %d of the CSV has a quote that is not closed, or text behind one", p.Line)
	case errors.Is(p.Err, csv.ErrBareQuote):
		return failf("line %d of the CSV has a quote in a value that is not quoted", p.Line)
	}
	return failf("line %d of the CSV cannot be read", p.Line)
}

var csvRow = &types.Func{
	Name: "csv.row", Doc: "One line of CSV without its end, values in quotes where they need them. A null is an empty value; fails on objects and lists inside.",
	Params: params{param("list", anyList, "texts, numbers, times, bools")}, Result: types.StringT, Fails: true,
	Examples: ex(`csv.row([1, "Lee, Ann", true, null])`, `"1,\"Lee, Ann\",true,"`, `csv.row([])`, `""`, `csv.row([""])`, `"\"\""`, `csv.row(["say \"hi\""])`, `"\"say \"\"hi\"\"\""`, `csv.row([{}])`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		row := make([]string, len(a[0].(value.List)))
		size := 0
		for i, e := range a[0].(value.List) {
			if e == nil {
				continue
			}
			s, err := value.Plain(e)
			if err != nil {
				return nil, err
			}
			if size += len(s); size > maxText {
				return nil, tooLarge()
			}
			row[i] = s
		}
		switch {
		case len(row) == 0:
			return "", nil
		case len(row) == 1 && row[0] == "":
			return `""`, nil // an empty line is one that readers skip
		}
		var b strings.Builder
		w := csv.NewWriter(&b)
		if err := w.Write(row); err != nil {
			return nil, err
		}
		w.Flush()
		return text(strings.TrimSuffix(b.String(), "\n"))
	},
}
