package state

import (
	"bytes"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/lang/value"
)

// TestNoTimerOfWhatIsGone: a timer of a row that is there is exported, one of a row that
// is gone names nobody any more.
func TestNoTimerOfWhatIsGone(t *testing.T) {
	m := holding(t)
	number := uint32(4) // table ltv
	key := value.AppendKey(nil, "gone@example.com")
	if err := m.Commit([]Write{{Key: timerKey(number, 7, key), Val: noValue}, {Key: timerKey(number, 8, value.AppendKey(nil, "ann@example.com")), Val: noValue}}); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Export(&out, m, true); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "gone@example.com") {
		t.Error("the timer of a row that is gone is exported")
	}
	if !strings.Contains(out.String(), `{"state":"table ltv","key":["ann@example.com"],"timer":8}`) {
		t.Errorf("the timer of a row that is there is not exported:\n%s", out.String())
	}
}
