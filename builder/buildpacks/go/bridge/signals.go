//go:build js && wasm

package bridge

import (
	"syscall"
	// For go:linkname.
	_ "unsafe"
)

// sigsend queues a signal for os/signal, as the runtime's own signal handlers do on other systems; false when nobody
// asked for it.
//
//go:linkname sigsend runtime.sigsend
func sigsend(signal uint32) bool

func terminate() bool {
	return sigsend(uint32(syscall.SIGTERM))
}
