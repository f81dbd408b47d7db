// What `docker compose config --quiet` looks at, without Docker: every file named is loaded by Compose's own library, which checks it
// against the schema of Compose, fills variables in and resolves what it refers to. Prints the file and its services, or what is wrong.
package main

import (
	"context"
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	failed := false
	for _, file := range os.Args[1:] {
		services, err := load(file)
		if err != nil {
			failed = true
			fmt.Printf("%s: %v\n", file, err)
			continue
		}
		fmt.Printf("%s: %s\n", file, strings.Join(services, " "))
	}
	if failed {
		os.Exit(1)
	}
}

func load(file string) ([]string, error) {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithOsEnv, cli.WithName("example"), cli.WithResolvedPaths(true))
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return nil, err
	}
	names := project.ServiceNames()
	sort.Strings(names)
	return names, nil
}
