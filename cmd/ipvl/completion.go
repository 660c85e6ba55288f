package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ipvl/ipvl/cmd/internal/grammar"
)

const bashCompletion = `_ipvl() {
	local IFS=$'\n'
	COMPREPLY=($(ipvl completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _ipvl ipvl
`

const zshCompletion = `#compdef ipvl
autoload -U +X bashcompinit && bashcompinit
` + bashCompletion

const fishCompletion = `complete -c ipvl -f -a '(set -l w (commandline -opc) (commandline -ct); ipvl completion words -- $w[2..-1] 2>/dev/null)'
`

func completionCommand() *cli.Command {
	scripts := map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}
	return &cli.Command{
		Name:      "completion",
		Usage:     "print a completion script",
		ArgsUsage: "bash | zsh | fish",
		Action: func(c *cli.Context) error {
			name := c.Args().First()
			if name == "words" {
				return printWords(c)
			}
			script, ok := scripts[name]
			if !ok || c.Args().Len() != 1 {
				return usageError{fmt.Errorf("completion takes one of bash, zsh, fish")}
			}
			_, err := fmt.Fprint(c.App.Writer, script)
			return err
		},
	}
}

// printWords prints what the last of the given words may become.
func printWords(c *cli.Context) error {
	words := c.Args().Tail()
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	candidates := grammar.Complete(words)
	if len(words) <= 1 {
		last := strings.Join(words, "")
		for _, own := range []string{"serve", "version", "completion"} {
			if strings.HasPrefix(own, last) {
				candidates = append(candidates, own)
			}
		}
	}
	for _, w := range candidates {
		if _, err := fmt.Fprintln(c.App.Writer, w); err != nil {
			return err
		}
	}
	return nil
}
