package api

import (
	"path/filepath"
	"strings"
)

// SystemSocket is where root's appliance listens.
const SystemSocket = "/run/ipvl/api.sock"

// SocketEnv is what the choice of the socket's path depends on.
type SocketEnv struct {
	Flag        string // --socket of serve, -S of the commands
	IPVLSocket  string // $IPVL_SOCKET
	RunWritable bool   // the caller may write to /run
	XDGRuntime  string // $XDG_RUNTIME_DIR
}

// SocketPath chooses the socket of the appliance: the flag, $IPVL_SOCKET,
// /run/ipvl/api.sock for who may write to /run, $XDG_RUNTIME_DIR/ipvl/api.sock.
// There is no fallback in /tmp: others could be there first.
func SocketPath(e SocketEnv) (string, error) {
	path := ""
	switch {
	case e.Flag != "":
		path = e.Flag
	case e.IPVLSocket != "":
		path = e.IPVLSocket
	case e.RunWritable:
		return SystemSocket, nil
	case filepath.IsAbs(e.XDGRuntime):
		return filepath.Join(e.XDGRuntime, "ipvl", "api.sock"), nil
	default:
		return "", &Error{Op: "socket", Msg: "no place for the socket: /run is not writable and XDG_RUNTIME_DIR is not set; " +
			"set IPVL_SOCKET to a path in a directory of yours"}
	}
	if strings.HasPrefix(path, "@") {
		return "", &Error{Op: "socket", Msg: "\"" + path + "\": an abstract socket has no permissions; give a path"}
	}
	return path, nil
}
