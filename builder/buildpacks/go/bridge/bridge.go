//go:build js && wasm

// Package bridge lets the host of a program reach the servers that the program runs. The network of js/wasm is in the
// program's own memory (net_fake.go of the standard library); the bridge connects to a listener there as any client
// does, and copies bytes between that connection and JavaScript.
//
// The host puts an object at globalThis.islet before the program starts; without one, nothing happens. It has
//
//	buffer             a Uint8Array, for what the program sends
//	received(id, n)    n bytes are in buffer; the answer says whether more may come
//	written(id)        the program has taken what was written last
//	closed(id)         the connection has ended, or could not be made
//
// and gets
//
//	listens(port)      whether a listener is there
//	connect(id, port)  makes a connection, known by a number from then on
//	write(id, bytes)   sends bytes; the next wait for written
//	resume(id)         more may come after all
//	close(id)          ends a connection
//	terminate()        sends SIGTERM; the answer says whether the program waits for it
//
// The program is linked with -checklinkname=0: the runtime's signals and the network's listeners have no other door.
package bridge

import (
	"net"
	"strconv"
	"sync"
	"syscall/js"

	// Programs find their time zones in the files of a system, which here is none.
	_ "time/tzdata"

	_ "islet/bridge/environment"
)

// readSize is how much of what the program sends is passed on at once. A packet of the network holds as much.
const readSize = 64 * 1024

var host = js.Global().Get("islet")

var (
	buffer   js.Value
	received js.Value
	written  js.Value
	closed   js.Value
)

func init() {
	if !host.Truthy() {
		return
	}
	buffer = host.Get("buffer")
	received = host.Get("received")
	written = host.Get("written")
	closed = host.Get("closed")
	export("listens", func(args []js.Value) any { return listens(args[0].Int()) })
	export("connect", func(args []js.Value) any { connect(args[0].Int(), args[1].Int()); return nil })
	export("write", func(args []js.Value) any { find(args[0].Int()).write(args[1]); return nil })
	export("resume", func(args []js.Value) any { find(args[0].Int()).resume(); return nil })
	export("close", func(args []js.Value) any { find(args[0].Int()).close(); return nil })
	export("terminate", func([]js.Value) any { return terminate() })
}

func export(name string, call func(args []js.Value) any) {
	host.Set(name, js.FuncOf(func(_ js.Value, args []js.Value) any { return call(args) }))
}

// A connection of the host's to a listener of the program's. All methods do for nil what they do when it has ended:
// nothing.
type connection struct {
	id   int
	conn net.Conn
	// What the host writes; it never writes more before it was told that this is taken.
	outgoing chan []byte
	// Has an item when the host takes more after a pause.
	more chan struct{}
}

var (
	mutex       sync.Mutex
	connections = map[int]*connection{}
)

func find(id int) *connection {
	mutex.Lock()
	defer mutex.Unlock()
	return connections[id]
}

func connect(id, port int) {
	c := &connection{id: id, outgoing: make(chan []byte, 1), more: make(chan struct{}, 1)}
	mutex.Lock()
	connections[id] = c
	mutex.Unlock()
	// A call of the host's may not wait, as a dial does when many connections wait to be accepted.
	go c.serve(port)
}

func (c *connection) serve(port int) {
	defer c.end()
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return
	}
	defer conn.Close()
	mutex.Lock()
	c.conn = conn
	open := connections[c.id] == c
	mutex.Unlock()
	if !open {
		return
	}
	go c.send(conn)
	c.receive(conn)
}

// receive passes on what the program sends, until one of both ends it.
func (c *connection) receive(conn net.Conn) {
	bytes := make([]byte, readSize)
	for {
		n, err := conn.Read(bytes)
		if n > 0 {
			js.CopyBytesToJS(buffer, bytes[:n])
			if !received.Invoke(c.id, n).Bool() {
				<-c.more
			}
		}
		if err != nil {
			return
		}
	}
}

// send passes on what the host writes, until one of both ends it.
func (c *connection) send(conn net.Conn) {
	for bytes := range c.outgoing {
		if _, err := conn.Write(bytes); err != nil {
			return
		}
		written.Invoke(c.id)
	}
}

func (c *connection) write(from js.Value) {
	if c == nil {
		return
	}
	bytes := make([]byte, from.Length())
	js.CopyBytesToGo(bytes, from)
	select {
	case c.outgoing <- bytes:
	default:
		panic("bridge: a write before the last was taken")
	}
}

func (c *connection) resume() {
	if c == nil {
		return
	}
	select {
	case c.more <- struct{}{}:
	default:
	}
}

// close ends the connection at the host's wish.
func (c *connection) close() {
	if c == nil || !c.forget() {
		return
	}
	close(c.outgoing)
	c.resume()
	mutex.Lock()
	conn := c.conn
	mutex.Unlock()
	if conn != nil {
		conn.Close()
	}
}

// end tells the host that the program has ended the connection, unless the host itself has.
func (c *connection) end() {
	if c.forget() {
		close(c.outgoing)
		closed.Invoke(c.id)
	}
}

// forget says whether the connection was known until now.
func (c *connection) forget() bool {
	mutex.Lock()
	defer mutex.Unlock()
	if connections[c.id] != c {
		return false
	}
	delete(connections, c.id)
	return true
}
