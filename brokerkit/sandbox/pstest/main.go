// Command pstest serves Google's in-memory Pub/Sub test server, the package pstest of its Go client,
// on a loopback port until it is told to end. Nothing is kept on disk.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"cloud.google.com/go/pubsub/v2/pstest"
)

func main() {
	port := flag.Int("port", 0, "loopback TCP port; 0 chooses a free one")
	flag.Parse()
	server := pstest.NewServerWithPort(*port)
	fmt.Println("listening", server.Addr)
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, os.Interrupt, syscall.SIGTERM)
	<-ended
	if err := server.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
