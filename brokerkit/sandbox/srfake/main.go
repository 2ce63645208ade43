// Command srfake serves the schema registry of franz-go's tests, its package srfake, on a loopback port until it
// is told to end. Nothing is kept on disk.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/twmb/franz-go/pkg/sr/srfake"
)

func main() {
	port := flag.Int("port", 0, "loopback TCP port; 0 chooses a free one")
	certificate := flag.String("certificate", "", "PEM file with a certificate and its key, for TLS")
	authority := flag.String("authority", "", "PEM file with the authority of the clients that TLS accepts")
	flag.Parse()
	options := []srfake.Option{}
	// in the environment, because other users can see a command line
	if expected := os.Getenv("SRFAKE_AUTHORIZATION"); expected != "" {
		options = append(options, srfake.WithAuth(expected))
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	check(err)
	if *certificate != "" {
		listener = tls.NewListener(listener, configuration(*certificate, *authority))
	}
	fmt.Println("listening", listener.Addr())
	check(http.Serve(listener, srfake.NewRegistry(options...).Handler()))
}

func configuration(certificate, authority string) *tls.Config {
	pair, err := tls.LoadX509KeyPair(certificate, certificate)
	check(err)
	found := &tls.Config{Certificates: []tls.Certificate{pair}}
	if authority != "" {
		pem, err := os.ReadFile(authority)
		check(err)
		found.ClientCAs = x509.NewCertPool()
		found.ClientCAs.AppendCertsFromPEM(pem)
		found.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return found
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
