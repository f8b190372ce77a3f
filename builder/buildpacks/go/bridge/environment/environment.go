//go:build js && wasm

// Package environment gives a program its environment. The toolchain's own way has room for 8 KiB, and an app may have
// more than that in its config vars.
//
// Only syscall/js is imported, and the import path sorts before "syscall": so this is initialized before all that reads
// the environment (The Go Programming Language Specification, "Program initialization").
package environment

import (
	"syscall/js"
	// For go:linkname.
	_ "unsafe"
)

//go:linkname envs runtime.envs
var envs []string

func init() {
	host := js.Global().Get("islet")
	if !host.Truthy() {
		return
	}
	given := host.Get("environment")
	envs = make([]string, given.Length())
	for i := range envs {
		envs[i] = given.Index(i).String()
	}
}
