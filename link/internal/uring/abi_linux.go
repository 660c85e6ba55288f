package uring

// What linux/io_uring.h says and golang.org/x/sys/unix lacks.
const (
	setupClamp       = 1 << 4 // IORING_SETUP_CLAMP, Linux 5.6
	setupSubmitAll   = 1 << 7 // IORING_SETUP_SUBMIT_ALL, Linux 5.18
	setupCoopTaskrun = 1 << 8 // IORING_SETUP_COOP_TASKRUN, Linux 5.19

	featSingleMmap   = 1 << 0 // IORING_FEAT_SINGLE_MMAP, Linux 5.4
	featNoDrop       = 1 << 1 // IORING_FEAT_NODROP, Linux 5.5
	featSubmitStable = 1 << 2 // IORING_FEAT_SUBMIT_STABLE, Linux 5.5
	featRWCurPos     = 1 << 3 // IORING_FEAT_RW_CUR_POS, Linux 5.6

	offRings = 0          // IORING_OFF_SQ_RING
	offSQEs  = 0x10000000 // IORING_OFF_SQES

	enterGetEvents = 1 // IORING_ENTER_GETEVENTS

	opNop         = 0
	opWritev      = 2
	opSendmsg     = 9
	opRecvmsg     = 10
	opAsyncCancel = 14
	opRead        = 22
	opWrite       = 23
)

// params is struct io_uring_params.
type params struct {
	sqEntries, cqEntries, flags, sqThreadCPU, sqThreadIdle, features, wqFd uint32
	resv                                                                   [3]uint32
	sq                                                                     sqOffsets
	cq                                                                     cqOffsets
}

// sqOffsets is struct io_sqring_offsets.
type sqOffsets struct {
	head, tail, ringMask, ringEntries, flags, dropped, array, resv1 uint32
	userAddr                                                        uint64
}

// cqOffsets is struct io_cqring_offsets.
type cqOffsets struct {
	head, tail, ringMask, ringEntries, overflow, cqes, flags, resv1 uint32
	userAddr                                                        uint64
}

// sqe is struct io_uring_sqe, as far as it is used here.
type sqe struct {
	opcode, flags uint8
	ioprio        uint16
	fd            int32
	off           uint64
	addr          uint64
	len           uint32
	opFlags       uint32 // rw_flags, msg_flags
	userData      uint64
	_             [3]uint64
}

// cqe is struct io_uring_cqe.
type cqe struct {
	userData uint64
	res      int32
	flags    uint32
}
