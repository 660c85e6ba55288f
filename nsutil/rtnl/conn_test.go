package rtnl

import (
	"encoding/binary"
	"errors"
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// Reading needs no privilege and no sandbox: every namespace has lo.
func TestLinksFindsLoopback(t *testing.T) {
	c, err := Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	links, err := c.Links()
	if err != nil {
		t.Fatal(err)
	}
	want, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		if l.Name == "lo" {
			if l.Index != want.Index || l.MTU != want.MTU || !l.HasStats || l.Type != unix.ARPHRD_LOOPBACK {
				t.Fatalf("%+v, want %+v", l, want)
			}
			return
		}
	}
	t.Fatal("no lo")
}

func TestRefusalIsTyped(t *testing.T) {
	c, err := Dial()
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Link(0, "ipvl-none")
	var refusal *KernelError
	if !errors.As(err, &refusal) || !errors.Is(err, unix.ENODEV) {
		t.Fatalf("error %v, want ENODEV of the kernel", err)
	}
	if _, err := c.Link(1, ""); err != nil {
		t.Fatalf("the connection is spoilt after a refusal: %v", err)
	}
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Links(); !errors.Is(err, unix.EBADF) {
		t.Fatalf("after Close: %v", err)
	}
}

func TestRefusalCarriesTheKernelsWords(t *testing.T) {
	body := binary.NativeEndian.AppendUint32(nil, ^uint32(0)-uint32(unix.EINVAL)+1)
	body = append(body, request(unix.RTM_NEWLINK, 0, 1, nil)...)
	text := new(Builder).String(extAckText, "mtu greater than device maximum").Bytes()
	err := parseError(Message{Type: unix.NLMSG_ERROR, Flags: flagCapped | flagAckTLVs, Data: append(body, text...)})
	if !errors.Is(err, unix.EINVAL) || err.Error() != "mtu greater than device maximum (invalid argument)" {
		t.Errorf("capped: %v", err)
	}
	// Not capped: the whole request is quoted before the attributes.
	quoted := append(body[:4:4], request(unix.RTM_NEWLINK, 0, 1, []byte("12345678"))...)
	err = parseError(Message{Type: unix.NLMSG_ERROR, Flags: flagAckTLVs, Data: append(quoted, text...)})
	if err == nil || err.Error() != "mtu greater than device maximum (invalid argument)" {
		t.Errorf("quoted: %v", err)
	}
	if err := parseError(Message{Type: unix.NLMSG_ERROR, Data: make([]byte, 20)}); err != nil {
		t.Errorf("success: %v", err)
	}
}

func TestInterruptedDumpIsAllDelivered(t *testing.T) {
	var got int
	a := answer{seq: 1, fn: func(Message) error { got++; return nil }}
	a.message(Message{Type: unix.RTM_NEWLINK, Flags: dumpIntr})
	a.message(Message{Type: unix.RTM_NEWLINK})
	a.message(Message{Type: unix.NLMSG_DONE, Data: make([]byte, 4)})
	if got != 2 || !a.done || !errors.Is(a.err, ErrInterrupted) {
		t.Fatalf("%d messages, done %v, error %v", got, a.done, a.err)
	}
}
