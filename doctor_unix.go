//go:build linux || darwin

package main

import (
	"os"
	"syscall"
)

// freeSpace is what this process may still write where a path lies; false if it cannot be told.
func freeSpace(path string) (bytes uint64, ok bool) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(path, &fs); err != nil {
		return 0, false
	}
	return fs.Bavail * uint64(fs.Bsize), true
}

// writable says whether this process may write to a path, without writing.
func writable(path string) bool {
	const write = 2
	return syscall.Access(path, write) == nil
}

// foreign says whether a file belongs to somebody else.
func foreign(f os.FileInfo) bool {
	s, ok := f.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) != os.Geteuid()
}
