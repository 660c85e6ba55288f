package uring

import (
	"fmt"
	"runtime"
	"testing"
	"unsafe"

	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

// BenchmarkSplice reads n datagrams of 22 bytes from a TAP and writes n to another: by a ring, of
// either kind that Go permits, merged first, and by plain system calls. ns/frame is the time of the
// processor, without what it takes to send the frames.
func BenchmarkSplice(b *testing.B) {
	for _, n := range []int{1, 2, 4, 8, 16, 32} {
		from, to := newEnds(b, unix.O_NONBLOCK, false), newEnds(b, unix.O_NONBLOCK, false)
		rooms := make([][]byte, n)
		for i := range rooms {
			rooms[i] = make([]byte, hdrLen+64)
		}
		run := func(name string, splice func()) {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				var spent int64
				datagrams := flow{udp: true, size: 22}
				for range b.N {
					for range n {
						if _, err := unix.Write(from.in, datagrams.next()); err != nil {
							b.Fatal(err)
						}
					}
					start := used(b)
					splice()
					spent += used(b) - start
				}
				b.ReportMetric(float64(spent)/float64(b.N*n), "ns/frame")
			})
		}
		run("plain", func() {
			for _, room := range rooms {
				plain(b, unix.SYS_READ, from.near, room)
			}
			for _, room := range rooms {
				plain(b, unix.SYS_WRITE, to.near, room)
			}
		})
		var m vnet.Merger
		merging, err := New(Options{Entries: 2 * n})
		if err != nil {
			b.Fatal(err)
		}
		run("merged", func() {
			for _, f := range m.Merge(rooms, vnet.FeaturesAll) {
				merging.Write(to.near, f, 0)
			}
			for _, room := range rooms {
				merging.Read(from.near, room, 0)
			}
			if k, err := merging.Enter(); err != nil || merging.Completions()[k-1].Errno != 0 {
				b.Fatal(err, merging.Completions())
			}
		})
		merging.Close()
		for name, flags := range map[string]uint32{"uring": setupCoopTaskrun | setupSubmitAll, "uring no flags": 0} {
			r, err := newRing(2*n, flags)
			if err != nil {
				b.Fatal(err)
			}
			run(name, func() {
				// The frames that the last call read are written by this one: see fdio.
				for _, room := range rooms {
					r.Write(to.near, room, 0)
				}
				for _, room := range rooms {
					r.Read(from.near, room, 0)
				}
				if _, err := r.Enter(); err != nil || r.Completions()[2*n-1].Errno != 0 {
					b.Fatal(err, r.Completions())
				}
			})
			r.Close()
		}
	}
}

// used is how many ns the thread has had.
func used(b *testing.B) int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return t.Nano()
}

// plain makes a system call as ports do.
func plain(b *testing.B, trap uintptr, fd int, buf []byte) {
	if _, _, errno := unix.RawSyscall(trap, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf))); errno != 0 {
		b.Fatal(errno)
	}
}

// BenchmarkDry is what a read costs that finds nothing.
func BenchmarkDry(b *testing.B) {
	e := newEnds(b, unix.O_NONBLOCK, false)
	room := make([]byte, 70)
	for _, n := range []int{1, 31} {
		b.Run(fmt.Sprintf("uring/%d", n), func(b *testing.B) {
			r := newTestRing(b, 32)
			b.ReportAllocs()
			for b.Loop() {
				for range n {
					r.Read(e.near, room, 0)
				}
				r.Enter()
			}
		})
	}
	b.Run("plain/1", func(b *testing.B) {
		for b.Loop() {
			unix.RawSyscall(unix.SYS_READ, uintptr(e.near), uintptr(unsafe.Pointer(&room[0])), uintptr(len(room)))
		}
	})
}
