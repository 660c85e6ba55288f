package link_test

import (
	"testing"

	"github.com/ipvl/ipvl/link"
)

// The demux alone: frames in byte form to ports that take everything.
func BenchmarkDemux(b *testing.B) {
	for name, o := range map[string]link.MasterOptions{
		"l2": {Mode: link.ModeL2}, "l3": {Router: &fakeRouter{hop: send(1500)}},
	} {
		o.MAC = masterMAC
		m, err := link.NewMasterOnPort(sinkPort{}, o)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(m.Shutdown)
		var devs [2]*link.Device
		for i, a := range []string{"10.0.0.11", "10.0.0.12"} {
			if devs[i], err = m.NewDevice(link.DeviceOptions{Port: sinkPort{}}); err != nil {
				b.Fatal(err)
			}
			devs[i].SetUp(true)
			if err := devs[i].AddAddress(ip(a)); err != nil {
				b.Fatal(err)
			}
		}
		for way, f := range map[string]func(){
			"device-device": transmit(devs[0], frame4(masterMAC, masterMAC, "10.0.0.11", "10.0.0.12")),
			"device-wire":   transmit(devs[0], frame4(peerMAC, masterMAC, "10.0.0.11", "10.0.0.100")),
			"wire-device": func() func() {
				f := frame4(masterMAC, peerMAC, "10.0.0.100", "10.0.0.11")
				return func() { m.Receive(f) }
			}(),
		} {
			b.Run(name+"/"+way, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					f()
				}
			})
		}
	}
}

func transmit(d *link.Device, frame []byte) func() { return func() { d.Transmit(frame) } }
