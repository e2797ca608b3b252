package edge

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"strings"
)

// maxCodings is how often a body may be compressed. Each time may cost as much as the
// largest body there is.
const maxCodings = 4

// inflated gives the body as it was before its sender compressed it, or why it is not
// taken.
func inflated(in *Incoming) ([]byte, *Answer) {
	if len(in.Body) > MaxBody {
		return nil, tooLarge("the body is larger than 4 MiB")
	}
	body := in.Body
	var codings []string
	for _, h := range in.Headers {
		if strings.EqualFold(h.Name, "content-encoding") {
			codings = append(codings, strings.Split(h.Value, ",")...)
		}
	}
	slices.Reverse(codings) // the last was applied last
	times := 0
	for _, c := range codings {
		switch strings.ToLower(strings.TrimSpace(c)) {
		case "", "identity":
			continue
		case "gzip", "x-gzip":
			if len(in.Body) == 0 {
				continue // a client that announces what it does not send
			}
		default:
			return nil, &Answer{Status: StatusUnsupported, Text: "the body may be compressed with gzip, or not at all"}
		}
		if times++; times > maxCodings {
			return nil, &Answer{Status: StatusUnsupported, Text: "the body is compressed more than 4 times"}
		}
		var no *Answer
		if body, no = gunzip(body); no != nil {
			return nil, no
		}
	}
	return body, nil
}

// gunzip inflates a body; several members are one.
func gunzip(b []byte) ([]byte, *Answer) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, &Answer{Status: StatusBadRequest, Text: "the body is not gzip, as its header says"}
	}
	var out bytes.Buffer
	_, err = io.CopyN(&out, r, MaxBody+1)
	switch {
	case err == nil:
		return nil, tooLarge("the body is larger than 4 MiB when it is inflated")
	case !errors.Is(err, io.EOF):
		return nil, &Answer{Status: StatusBadRequest, Text: "the body is cut or damaged: gzip does not read it to its end"}
	}
	return out.Bytes(), nil
}
