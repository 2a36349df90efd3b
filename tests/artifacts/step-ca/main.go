// Command step-ca is the certificate authority of Smallstep, put together from the libraries that Debian packages: what it
// does is theirs, this file only names it. Test material: it is in no release of Phoenix.
package main

import (
	"flag"
	"fmt"
	"os"

	_ "github.com/smallstep/certificates/cas/softcas"
	"github.com/smallstep/certificates/commands"
	"github.com/smallstep/cli-utils/step"
	"github.com/urfave/cli"
)

// Version is set when it is linked.
var Version = "0"

func main() {
	step.Set("Smallstep CA", Version, "Debian")
	if len(os.Args) == 2 && (os.Args[1] == "version" || os.Args[1] == "--version") {
		fmt.Println(step.Version())
		return
	}
	app := cli.NewApp()
	app.Name = "step-ca"
	app.Version = step.Version()
	app.UsageText = commands.AppCommand.UsageText
	app.Flags = commands.AppCommand.Flags
	// The configuration may stand before the flags, where the library alone would end reading them.
	flags := flag.NewFlagSet(app.Name, flag.ContinueOnError)
	for _, one := range app.Flags {
		one.Apply(flags)
	}
	var words []string
	for rest := os.Args[1:]; ; {
		if err := flags.Parse(rest); err != nil {
			os.Exit(2)
		}
		if flags.NArg() == 0 {
			break
		}
		words, rest = append(words, flags.Arg(0)), flags.Args()[1:]
	}
	err := flags.Parse(append([]string{"--"}, words...))
	if err == nil {
		err = commands.AppCommand.Action.(func(*cli.Context) error)(cli.NewContext(app, flags, nil))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
