// Command buildkitd is the BuildKit of gocompose: what builds images, on the containerd
// that containers are made on. It reads a part of the configuration that BuildKit's own
// does (--config) and serves the same API. It differs in what it leaves out (other
// workers, TLS, telemetry, proxies), in what steps are run by, and in how an image gets
// into the store: see imageExporter.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/containerd/containerd/v2/defaults"
	"github.com/containerd/containerd/v2/pkg/sys"
	"github.com/moby/buildkit/cmd/buildkitd/config"
	"github.com/moby/buildkit/util/grpcerrors"
	_ "github.com/moby/buildkit/util/grpcutil/encoding/proto" // messages are not copied more often than need be
	"github.com/moby/buildkit/version"
	"github.com/sirupsen/logrus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

func main() {
	path := flag.String("config", "", "the configuration `file`, which gocompose writes")
	asked := flag.Bool("version", false, "print the version of BuildKit")
	flag.Parse()
	if *asked {
		fmt.Println("buildkitd", version.Package, version.Version, version.Revision)
		return
	}
	if err := run(*path); err != nil {
		fmt.Fprintf(os.Stderr, "buildkitd: %v\n", err)
		os.Exit(1)
	}
}

// run serves until it is told to end.
func run(path string) error {
	cfg, err := config.LoadFile(path)
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	level, err := logrus.ParseLevel(cfg.Log.Level)
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	logrus.SetLevel(level)
	logrus.SetFormatter(&logrus.TextFormatter{FullTimestamp: true})
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := os.MkdirAll(cfg.Root, 0o700); err != nil {
		return err
	}
	// The socket is there before anything is made ready: what looks for it waits for
	// an answer then.
	listener, err := listen(cfg.GRPC.Address)
	if err != nil {
		return err
	}
	controller, err := newController(ctx, cfg, filepath.Join(filepath.Dir(path), "steps"))
	if err != nil {
		return err
	}
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(grpcerrors.UnaryServerInterceptor),
		grpc.StreamInterceptor(grpcerrors.StreamServerInterceptor),
		grpc.MaxRecvMsgSize(defaults.DefaultMaxRecvMsgSize),
		grpc.MaxSendMsgSize(defaults.DefaultMaxSendMsgSize),
	)
	healthv1.RegisterHealthServer(server, health.NewServer())
	controller.Register(server)
	go func() {
		<-ctx.Done()
		server.GracefulStop()
	}()
	if err := server.Serve(listener); err != nil {
		return err
	}
	return controller.Close()
}

// listen listens at the one address, a unix socket that is root's alone.
func listen(addresses []string) (net.Listener, error) {
	path, ok := strings.CutPrefix(strings.Join(addresses, " "), "unix://")
	if !ok || len(addresses) != 1 || !filepath.IsAbs(path) {
		return nil, fmt.Errorf("grpc.address: %q, want one, of a unix socket: unix:///PATH", addresses)
	}
	return sys.GetLocalListener(path, os.Getuid(), os.Getgid())
}
