package state

import (
	"fmt"
	"syscall"
)

// FreeSpace is what a process like ours may still write on the disk of a
// directory, in bytes.
func FreeSpace(dir string) (uint64, error) {
	free, _, err := Disk(dir)
	return free, err
}

// Disk is the free space and the size of the disk of a directory, in bytes.
func Disk(dir string) (free, size uint64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	return s.Bavail * uint64(s.Bsize), s.Blocks * uint64(s.Bsize), nil
}
