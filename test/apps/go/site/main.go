// A site of net/http alone: templates and files in the program, files beside it, and what a process does.
package main

import (
	"context"
	"embed"
	"flag"
	"fmt"
	"html/template"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
)

//go:embed pages/*.html
var pages embed.FS

var version = "none"

func main() {
	port := flag.String("port", "", "")
	tick := flag.Bool("tick", false, "")
	migrate := flag.Bool("migrate", false, "")
	flag.Parse()
	if *migrate {
		text, err := os.ReadFile("public/a file.txt")
		log.Printf("migrating by %q %v %s", text, err, os.Getenv("HEROKU_PHASE"))
		os.WriteFile("done.txt", []byte(strings.Join(flag.Args(), ",")), 0o644)
		os.Exit(len(flag.Args()))
	}
	if *tick {
		for n := range 1000 {
			log.Println("tick", n, os.Getenv("DYNO"))
			time.Sleep(100 * time.Millisecond)
		}
	}

	templates := template.Must(template.ParseFS(pages, "pages/*.html"))
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		templates.ExecuteTemplate(w, "index.html", r.URL.Query().Get("name"))
	})
	http.Handle("/public/", http.StripPrefix("/public/", http.FileServer(http.Dir("public"))))
	http.HandleFunc("/about", about)
	http.HandleFunc("/files", files)
	http.HandleFunc("/fetch", fetch)
	http.HandleFunc("/count", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprintln(w, n, err)
	})
	http.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "begun ")
		w.(http.Flusher).Flush()
		time.Sleep(time.Second)
		fmt.Fprint(w, "ended")
	})
	http.HandleFunc("/panic", func(w http.ResponseWriter, r *http.Request) {
		go func() { panic("on purpose") }()
		select {}
	})

	server := &http.Server{Addr: ":" + *port}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		log.Println("listening on", server.Addr)
		if err := server.ListenAndServe(); err != http.ErrServerClosed {
			log.Fatal(err)
		}
	}()
	<-ctx.Done()
	log.Println("shutting down:", server.Shutdown(context.Background()))
}

func about(w http.ResponseWriter, r *http.Request) {
	info, _ := debug.ReadBuildInfo()
	directory, err := os.Getwd()
	fmt.Fprintln(w, version, info.Main.Path, directory, err)
	fmt.Fprintln(w, r.Host, r.Header.Get("X-Forwarded-Proto"), len(os.Getenv("LONG")))
	zone, err := time.LoadLocation("Europe/Berlin")
	fmt.Fprintln(w, zone, err)
}

func files(w http.ResponseWriter, r *http.Request) {
	var found []string
	err := filepath.WalkDir("public", func(path string, entry os.DirEntry, err error) error {
		found = append(found, path)
		return err
	})
	fmt.Fprintln(w, strings.Join(found, ","), err)
	fmt.Fprintln(w, os.MkdirAll("/tmp/a/b", 0o755), os.WriteFile("/tmp/a/b/c", []byte("written"), 0o644))
	file, err := os.OpenFile("/tmp/a/b/c", os.O_APPEND|os.O_WRONLY, 0)
	fmt.Fprint(file, " more")
	fmt.Fprintln(w, file.Close(), err, os.Rename("/tmp/a/b/c", "/tmp/a/d"))
	text, err := os.ReadFile("/tmp/a/d")
	fmt.Fprintln(w, string(text), err, os.RemoveAll("/tmp/a"))
	_, err = os.Stat("/tmp/a/d")
	fmt.Fprintln(w, os.IsNotExist(err))
}

func fetch(w http.ResponseWriter, r *http.Request) {
	client := &http.Client{Timeout: 10 * time.Second}
	response, err := client.Get(r.URL.Query().Get("url"))
	if err != nil {
		fmt.Fprintln(w, "refused:", err)
		return
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	fmt.Fprintln(w, response.StatusCode, response.Header.Get("Content-Type"), string(body), err)
}
