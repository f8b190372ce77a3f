//go:build js && wasm

package bridge

import (
	"strconv"
	"sync"
	"syscall"
	"unsafe"
)

// sockets are the listeners of the program's network by the addresses that they were given, of type socketAddress.
//
//go:linkname sockets net.sockets
var sockets sync.Map

// socketAddress is net.fakeSockAddr.
type socketAddress struct {
	family  int
	address string
}

const loopback = "127.0.0.1:"

// Addresses that stand for every address of a machine. The network knows a listener by its own address only.
var wildcards = []string{"0.0.0.0:", "[::]:", "[::1]:"}

// listens says whether the program listens on a port. A listener for every address, and one of IPv6, can be reached at
// 127.0.0.1 as well from then on.
func listens(port int) bool {
	number := strconv.Itoa(port)
	found := false
	sockets.Range(func(key, socket any) bool {
		address := (*socketAddress)(dataOf(&key)).address
		if address == loopback+number {
			found = true
			return false
		}
		for _, wildcard := range wildcards {
			if address == wildcard+number {
				sockets.LoadOrStore(loopbackKey(key, number), socket)
				found = true
				return false
			}
		}
		return true
	})
	return found
}

// An interface value in memory, of a type that is no pointer.
type interfaceWords struct {
	kind unsafe.Pointer
	data unsafe.Pointer
}

func dataOf(value *any) unsafe.Pointer {
	return (*interfaceWords)(unsafe.Pointer(value)).data
}

// loopbackKey makes of a key of the network the one of a port at 127.0.0.1.
func loopbackKey(key any, port string) any {
	made := &socketAddress{family: syscall.AF_INET, address: loopback + port}
	words := interfaceWords{kind: (*interfaceWords)(unsafe.Pointer(&key)).kind, data: unsafe.Pointer(made)}
	return *(*any)(unsafe.Pointer(&words))
}
