package state

import "testing"

func TestGuardPausesBelowAndGoesOnAtTwice(t *testing.T) {
	g := NewGuard(100)
	for i, step := range []struct {
		free uint64
		may  bool
	}{{1000, true}, {100, true}, {99, false}, {150, false}, {199, false}, {200, true}, {101, true}, {100, true}, {0, false}, {200, true}} {
		if got := g.Judge(step.free); got != step.may {
			t.Errorf("step %d: %d free: may write %v", i+1, step.free, got)
		}
	}
}

func TestLeastFree(t *testing.T) {
	for _, tt := range []struct {
		name     string
		memTable int64
		disk     uint64
		want     uint64
	}{
		{"a large disk", 0, 1 << 40, 2 << 30},
		{"15 GiB", 0, 15 << 30, 15 << 30 / 10},
		{"a small disk keeps what Badger needs", 0, 1 << 30, 15 * DefaultMemTable},
		{"small memtables need less", MinMemTable, 1 << 30, 15 * MinMemTable},
		{"too small ones are not made", 1, 1 << 30, 15 * MinMemTable},
		{"huge ones need more than 2 GiB", 256 << 20, 1 << 40, 15 * 256 << 20},
	} {
		if got := LeastFree(tt.memTable, tt.disk); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
	free, size, err := Disk(t.TempDir())
	if err != nil || free == 0 || size < free {
		t.Errorf("%d of %d (%v)", free, size, err)
	}
}
