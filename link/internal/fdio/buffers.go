package fdio

import "sync"

// bufferSize holds a batch of small frames and behind it one of any size, with room for a
// tag and for the byte that tells a frame that is too long.
const bufferSize = BatchMax*SmallMax + FrameMax + 8

// Buffers lends readers the bytes that they read to: only from when frames are there until the
// queue is empty again, so that a thousand idle ones need none. The zero value is ready; any
// number of readers may share it. Nil is none: each reader has its own.
type Buffers struct{ pool sync.Pool }

func (b *Buffers) get() *[]byte {
	if b != nil {
		if buf, ok := b.pool.Get().(*[]byte); ok {
			return buf
		}
	}
	buf := make([]byte, bufferSize)
	return &buf
}

func (b *Buffers) put(buf *[]byte) { b.pool.Put(buf) }
