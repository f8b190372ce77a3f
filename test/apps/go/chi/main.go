package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/gorilla/websocket"
)

var upgrader = websocket.Upgrader{}

func main() {
	r := chi.NewRouter()
	r.Use(middleware.Recoverer)
	r.Get("/users/{id}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "user %s", chi.URLParam(r, "id")) })
	r.Get("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			w.(http.Flusher).Flush()
			time.Sleep(200 * time.Millisecond)
		}
	})
	r.Post("/upper", func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		buffer := make([]byte, 1024)
		for {
			n, err := r.Body.Read(buffer)
			io.WriteString(w, strings.ToUpper(string(buffer[:n])))
			w.(http.Flusher).Flush()
			if err != nil {
				return
			}
		}
	})
	r.Post("/count", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprintln(w, n, err)
	})
	r.Get("/big", func(w http.ResponseWriter, r *http.Request) {
		part := []byte(strings.Repeat("x", 32*1024))
		for range 256 {
			w.Write(part)
		}
	})
	r.Get("/socket", func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			log.Println(err)
			return
		}
		defer conn.Close()
		for {
			kind, message, err := conn.ReadMessage()
			if err != nil {
				log.Println("socket closed:", err)
				return
			}
			if err := conn.WriteMessage(kind, append([]byte("echo "), message...)); err != nil {
				return
			}
		}
	})
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), r))
}
