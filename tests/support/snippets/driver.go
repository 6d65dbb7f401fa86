// The driver of the Go snippets, built with each of them in a package of its own: driver <way>

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	standard "driver/standard"
	v2 "driver/v2"
	v3 "driver/v3"
	v4 "driver/v4"
)

type given struct {
	Body    []byte            `json:"body_base64"`
	Headers map[string]string `json:"headers"`
	Key     string            `json:"key"`
}

func main() {
	verify := map[string]func([]byte, map[string]string, string) error{
		"standard": standard.Verify, "v4": v4.Verify, "v3": v3.Verify, "v2": v2.Verify,
	}[os.Args[1]]
	lines := json.NewDecoder(os.Stdin)
	for {
		var one given
		if err := lines.Decode(&one); err == io.EOF {
			return
		} else if err != nil {
			panic(err)
		}
		if err := verify(one.Body, one.Headers, one.Key); err != nil {
			fmt.Println("refused:", err)
		} else {
			fmt.Println("ok")
		}
	}
}
