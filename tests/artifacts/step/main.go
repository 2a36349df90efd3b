// Command step is a stand-in for the `step` of Smallstep, which no registry that tests reach carries: the few commands
// that features run, with upstream's names, flags and exit codes. Test material: it is in no release of Phoenix.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Version is set when it is linked.
var Version = "0"

var commands = map[string]func(*words) error{
	"version":                func(*words) error { fmt.Printf("Smallstep CLI/%s (linux/amd64), a stand-in for tests\n", Version); return nil },
	"path":                   func(*words) error { fmt.Println(stepPath()); return nil },
	"certificate inspect":     inspect,
	"certificate fingerprint": fingerprint,
	"certificate verify":      verify,
	"ca health":               health,
	"ca root":                 root,
	"ca bootstrap":            bootstrap,
	"ca init":                 initialize,
	"ca provisioner add":      addProvisioner,
	"ca sign":                 sign,
	"ca token":                revokingToken,
	"ca revoke":               revoke,
}

// What is a flag alone, with no value after it.
var switches = map[string]bool{
	"acme": true, "force": true, "f": true, "install": true, "insecure": true, "short": true, "ssh": true, "bundle": true,
	"revoke": true,
}

// The words of a command line.
type words struct {
	plain []string
	flags map[string][]string
}

func (w *words) flag(name string) string {
	if values := w.flags[name]; len(values) > 0 {
		return values[len(values)-1]
	}
	return ""
}

func (w *words) all(name string) (found []string) {
	for _, value := range w.flags[name] {
		for _, one := range strings.Split(value, ",") {
			if one = strings.TrimSpace(one); one != "" {
				found = append(found, one)
			}
		}
	}
	return found
}

func parse(rest []string) (*words, error) {
	read := &words{flags: map[string][]string{}}
	for len(rest) > 0 {
		word := rest[0]
		rest = rest[1:]
		if !strings.HasPrefix(word, "-") || word == "-" {
			read.plain = append(read.plain, word)
			continue
		}
		name, value, given := strings.Cut(strings.TrimLeft(word, "-"), "=")
		if !given && switches[name] {
			value = "true"
		} else if !given {
			if len(rest) == 0 {
				return nil, fmt.Errorf("flag '--%s' requires a value", name)
			}
			value, rest = rest[0], rest[1:]
		}
		read.flags[name] = append(read.flags[name], value)
	}
	return read, nil
}

func main() {
	err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) == 1 && arguments[0] == "--version" {
		arguments[0] = "version"
	}
	for count := min(3, len(arguments)); count > 0; count-- {
		if command, ok := commands[strings.Join(arguments[:count], " ")]; ok {
			read, err := parse(arguments[count:])
			if err != nil {
				return err
			}
			return command(read)
		}
	}
	return fmt.Errorf("command 'step %s' is not in this stand-in", strings.Join(arguments, " "))
}

func stepPath() string {
	if path := os.Getenv("STEPPATH"); path != "" {
		return path
	}
	home, _ := os.UserHomeDir()
	return filepath.Join(home, ".step")
}
