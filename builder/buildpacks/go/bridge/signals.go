//go:build js && wasm

package bridge

import (
	"os"
	// What it keeps is looked at below.
	_ "os/signal"
	"sync"
	"syscall"
	"unsafe"
)

// handlers is os/signal's own account of who waits for which signal, up to what is needed of it.
//
//go:linkname handlers os/signal.handlers
var handlers struct {
	sync.Mutex
	m   map[chan<- os.Signal]unsafe.Pointer
	ref [65]int64
	_   []unsafe.Pointer
}

// process hands a signal to those that wait for it. The runtime of js/wasm knows no signals that it could come from.
//
//go:linkname process os/signal.process
func process(signal os.Signal)

// terminate sends SIGTERM, and says whether the program waits for it.
func terminate() bool {
	handlers.Lock()
	awaited := handlers.ref[syscall.SIGTERM] > 0
	handlers.Unlock()
	if awaited {
		process(syscall.SIGTERM)
	}
	return awaited
}
