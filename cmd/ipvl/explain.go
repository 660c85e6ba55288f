package main

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/cmd/internal/grammar"
)

// explain gives what stderr says of an error, in ip(8)'s words where it has
// some, and the exit status. request is what was asked, nil where nothing was.
func explain(err error, request any) (text string, status int) {
	var mistake *grammar.Error
	var refusal *api.Error
	var usage usageError
	switch {
	case errors.As(err, &mistake):
		return mistake.Text, mistake.Exit
	case errors.As(err, &usage):
		return sentence(usage.Error()), grammar.ExitSyntax
	case errors.As(err, &refusal):
		return explainRefusal(refusal, request)
	}
	return sentence(err.Error()), grammar.ExitRefused
}

// explainRefusal: a device that is not there is ip(8)'s own finding, with status
// 1; a text is the kernel's extended acknowledgement; else there is the errno.
func explainRefusal(e *api.Error, request any) (text string, status int) {
	missing := syscall.Errno(e.Errno) == syscall.ENODEV
	switch {
	case missing && strings.HasPrefix(e.Msg, "Cannot find device "):
		return e.Msg, grammar.ExitSyntax
	case syscall.Errno(e.Errno) == syscall.ENOENT && strings.HasSuffix(e.Msg, `Invalid "netns" value`):
		return "Error: " + e.Msg, grammar.ExitUsage
	case missing && e.Msg == "":
		return noDevice(request), grammar.ExitSyntax
	case e.Msg == "" && e.Errno != 0:
		return "RTNETLINK answers: " + api.Strerror(e.Errno), grammar.ExitRefused
	case e.Msg == "":
		return sentence(e.Error()), grammar.ExitRefused
	}
	return sentence(e.Msg), grammar.ExitRefused
}

func noDevice(request any) string {
	switch r := request.(type) {
	case api.LinkShow:
		return fmt.Sprintf("Device \"%s\" does not exist.", r.Name)
	case api.AddrShow:
		return fmt.Sprintf("Device \"%s\" does not exist.", r.Name)
	case api.LinkAdd:
		return fmt.Sprintf("Cannot find device \"%s\"", r.Master)
	case api.LinkSet:
		return fmt.Sprintf("Cannot find device \"%s\"", r.Name)
	case api.LinkDel:
		return fmt.Sprintf("Cannot find device \"%s\"", r.Name)
	case api.RouteShow:
		return fmt.Sprintf("Cannot find device \"%s\"", r.Dev)
	case api.RouteGet:
		return fmt.Sprintf("Cannot find device \"%s\"", r.OIF)
	case api.NeighShow:
		return fmt.Sprintf("Cannot find device \"%s\"", r.Dev)
	case api.RuleChange:
		return fmt.Sprintf("Cannot find device \"%s\"", r.Rule.Match.Dev)
	}
	return "RTNETLINK answers: " + api.Strerror(int(syscall.ENODEV))
}

// sentence is how ip(8) prints the kernel's texts.
func sentence(text string) string {
	if !strings.HasPrefix(text, "Error: ") {
		text = "Error: " + text
	}
	if strings.HasSuffix(text, ".") || strings.HasSuffix(text, "\n") {
		return text
	}
	return text + "."
}
