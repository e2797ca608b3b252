package edge_test

import (
	"testing"

	"github.com/sluice-dev/sluice/runtime/edge"
	"github.com/sluice-dev/sluice/runtime/edge/request"
)

// FuzzFront: whatever comes, the front answers; what it logs can be read, is a request
// of that webhook, and holds no secret of its door.
func FuzzFront(f *testing.F) {
	f.Add("POST", "/closed/one", "a=1&a=2", "application/json", "gzip", []byte(gz(`[{"id":"x"},1]`)))
	f.Add("GET", "/open/", "id=%zz&&=&token=one", "application/x-www-form-urlencoded", "", []byte("a=%ff&b"))
	f.Add("PUT", "/open", "", "", "identity, br", []byte("{\"id\":\"\xff\"}"))
	f.Add("POST", "/closed", "t%6fken=two", "", "", []byte(" [ ]"))
	f.Add("POST", "/closed/two", "token=two", "multipart/form-data; boundary=b", "", []byte("--b\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\nx\r\n--b--\r\n"))
	closed, signed := front(f, false), signedFront(f, false)
	f.Fuzz(func(t *testing.T, method, path, query, kind, coding string, body []byte) {
		in := &edge.Incoming{Method: method, Path: path, Query: query, Body: body, Headers: []edge.Header{{Name: "Content-Type", Value: kind}, {Name: "Content-Encoding", Value: coding}}}
		for _, at := range signed.Paths() {
			// Whatever is sent there, nobody who fuzzes has the key.
			to := *in
			to.Path, to.Method = at, "POST"
			to.Headers = append(to.Headers, edge.Header{Name: "X-Signature", Value: query}, edge.Header{Name: "Webhook-Signature", Value: "v1," + kind},
				edge.Header{Name: "Webhook-Id", Value: path}, edge.Header{Name: "Webhook-Timestamp", Value: "0"}, edge.Header{Name: "X-Hub-Signature-256", Value: "sha256=" + method})
			if a := signed.Do(&to); len(a.Records) > 0 {
				t.Fatalf("taken without a signature: %s", a.Records[0].Value)
			}
		}
		a := closed.Do(in)
		if a.Status < 200 || a.Status > 415 || len(a.Records) > 0 && a.Status != edge.StatusOK {
			t.Fatalf("answered %d with %d records", a.Status, len(a.Records))
		}
		for _, rec := range a.Records {
			r, err := request.Parse(rec.Value)
			if err != nil {
				t.Fatalf("%s: %v", rec.Value, err)
			}
			if r.Path != "/open" && r.Path != "/closed" && r.Path != "/closed/in" {
				t.Fatalf("logged under the path %s", r.Path)
			}
			_, token := request.Without(r.Query, "token")
			if r.Path == "/closed/in" && token != nil {
				t.Fatalf("a token is logged: %s", rec.Value)
			}
			if _, fault := r.View(nil, false); fault != nil && rec.Key != nil {
				t.Fatalf("a key %q of what cannot be read: %s", rec.Key, rec.Value)
			}
		}
	})
}
