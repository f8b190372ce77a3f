package main

import (
	"log"
	"net/http"
	"os"

	"github.com/gin-gonic/gin"
)

type order struct {
	Item  string `json:"item" binding:"required"`
	Count int    `json:"count" binding:"gte=1"`
}

func main() {
	gin.SetMode(gin.ReleaseMode)
	r := gin.Default()
	r.LoadHTMLGlob("templates/*")
	r.Static("/static", "./static")
	r.GET("/", func(c *gin.Context) {
		c.HTML(http.StatusOK, "index.tmpl", gin.H{"name": c.DefaultQuery("name", "<nobody>")})
	})
	r.POST("/orders", func(c *gin.Context) {
		var o order
		if err := c.ShouldBindJSON(&o); err != nil {
			c.JSON(http.StatusBadRequest, gin.H{"error": err.Error()})
			return
		}
		c.JSON(http.StatusCreated, gin.H{"item": o.Item, "total": o.Count * 3})
	})
	r.POST("/upload", func(c *gin.Context) {
		file, err := c.FormFile("file")
		if err != nil {
			c.String(http.StatusBadRequest, err.Error())
			return
		}
		if err := c.SaveUploadedFile(file, "/tmp/"+file.Filename); err != nil {
			c.String(http.StatusInternalServerError, err.Error())
			return
		}
		saved, err := os.ReadFile("/tmp/" + file.Filename)
		c.String(http.StatusOK, "%s %d %v", file.Filename, len(saved), err)
	})
	r.GET("/panic", func(c *gin.Context) { panic("caught by Gin") })
	log.Fatal(r.Run())
}
