package http

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	nethttp "net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/deliver"
)

// Auth is how a connection comes by its token: OAuth 2, client credentials.
type Auth struct {
	TokenURL string
	ID       string
	Secret   value.Secret
	Scope    string
}

// tokens keeps the token of a connection. It is fetched by the first request that needs
// one, again before it ends, and again when it is refused.
type tokens struct {
	http *nethttp.Client
	turn chan struct{} // holds one: who has it fetches, the others wait

	mu     sync.Mutex
	of     Auth // whom the token was given to
	token  string
	until  time.Time // when it is fetched anew; zero: when it is refused
	inBody bool      // the server wants the client in the body, not in a header
}

func newTokens(c *nethttp.Client) *tokens {
	return &tokens{http: c, turn: make(chan struct{}, 1)}
}

// early is how long before its end a token is renewed: clocks differ, and a request
// takes its time.
const early = 30 * time.Second

// get gives a token that is good now.
func (t *tokens) get(ctx context.Context, a *Auth, now time.Time) (string, error) {
	if token, ok := t.have(a, now); ok {
		return token, nil
	}
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { <-t.turn }()
	if token, ok := t.have(a, now); ok {
		return token, nil // somebody else was first
	}
	return t.fetch(ctx, a)
}

func (t *tokens) have(a *Auth, now time.Time) (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.token, t.token != "" && t.of == *a && (t.until.IsZero() || now.Before(t.until))
}

// spoil forgets a token that was refused.
func (t *tokens) spoil(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token == token {
		t.token = ""
	}
}

// tokenError is what the server of tokens said in place of one.
type tokenError struct {
	class deliver.Class
	code  string
	wait  time.Duration
}

// Error gives the code.
func (e *tokenError) Error() string { return "token: " + e.code }

// fetch asks for a token. Servers differ in where they want the client named; the one
// that takes the other way is asked in it from then on.
func (t *tokens) fetch(ctx context.Context, a *Auth) (string, error) {
	t.mu.Lock()
	inBody := t.inBody
	t.mu.Unlock()
	token, lasts, err := t.ask(ctx, a, inBody)
	if e, ok := err.(*tokenError); ok && e.class == deliver.Misconfigured {
		if other, lasts2, err2 := t.ask(ctx, a, !inBody); err2 == nil {
			token, lasts, err, inBody = other, lasts2, nil, !inBody
		}
	}
	if err != nil {
		return "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of, t.token, t.inBody, t.until = *a, token, inBody, time.Time{}
	if lasts > 0 {
		t.until = time.Now().Add(max(lasts-early, lasts/2))
	}
	return token, nil
}

// maxToken bounds the answer of a server of tokens.
const maxToken = 64 << 10

func (t *tokens) ask(ctx context.Context, a *Auth, inBody bool) (token string, lasts time.Duration, err error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if a.Scope != "" {
		form.Set("scope", a.Scope)
	}
	if inBody {
		form.Set("client_id", a.ID)
		form.Set("client_secret", string(a.Secret))
	}
	req, err := nethttp.NewRequestWithContext(ctx, nethttp.MethodPost, a.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, &tokenError{deliver.Misconfigured, "address", -1}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if !inBody {
		// RFC 6749, 2.3.1: both are encoded like a form before they are joined.
		pair := url.QueryEscape(a.ID) + ":" + url.QueryEscape(string(a.Secret))
		req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	}
	res, err := t.http.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxToken))
	if err != nil {
		return "", 0, err
	}
	if res.StatusCode/100 != 2 {
		j := deliver.HTTPAnswer(deliver.HTTP{Status: res.StatusCode, RetryAfter: res.Header.Values("Retry-After"), Date: res.Header.Get("Date")}, time.Now().UnixNano())
		if j.Class == deliver.Refused {
			j.Class = deliver.Misconfigured // 400 is what RFC 6749 answers a wrong client
		}
		return "", 0, &tokenError{j.Class, j.Code, j.Wait}
	}
	var got struct {
		Token string          `json:"access_token"`
		Lasts json.RawMessage `json:"expires_in"`
	}
	if json.Unmarshal(body, &got) != nil || got.Token == "" || !printable([]byte(got.Token)) {
		return "", 0, &tokenError{deliver.Failed, "the answer holds none", -1}
	}
	// Some write the seconds as a text.
	if n, err := strconv.ParseFloat(strings.Trim(string(got.Lasts), `"`), 64); err == nil && n > 0 && n < 1e9 {
		lasts = time.Duration(n * float64(time.Second))
	}
	return got.Token, lasts, nil
}
