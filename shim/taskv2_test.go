package shim

import (
	"bytes"
	"context"
	"net"
	"path/filepath"
	"testing"

	taskv2 "github.com/containerd/containerd/api/runtime/task/v2"
	taskv3 "github.com/containerd/containerd/api/runtime/task/v3"
	"github.com/containerd/ttrpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Version 3 is served as version 2, which is sound only as long as the two are
// the same but for the name.
func TestTaskAPIVersionsAreTheSame(t *testing.T) {
	v2 := protodesc.ToFileDescriptorProto(taskv2.File_runtime_task_v2_shim_proto)
	v3 := protodesc.ToFileDescriptorProto(taskv3.File_runtime_task_v3_shim_proto)
	text := func(m proto.Message, pkg string) []byte {
		data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.ReplaceAll(data, []byte(pkg), []byte("containerd.task.v0"))
	}
	if len(v2.MessageType) != len(v3.MessageType) {
		t.Fatalf("%d and %d messages", len(v2.MessageType), len(v3.MessageType))
	}
	for i, m := range v2.MessageType {
		if !bytes.Equal(text(m, "containerd.task.v2"), text(v3.MessageType[i], "containerd.task.v3")) {
			t.Errorf("message %s differs from %s", m.GetName(), v3.MessageType[i].GetName())
		}
	}
}

// serve serves what register registers, and returns a client of it.
func serve(t *testing.T, register func(*ttrpc.Server)) *ttrpc.Client {
	t.Helper()
	server, err := ttrpc.NewServer()
	if err != nil {
		t.Fatal(err)
	}
	register(server)
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(context.Background(), l) // ends with an error when it is closed
	}()
	conn, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	client := ttrpc.NewClient(conn)
	t.Cleanup(func() {
		client.Close()
		server.Close()
		<-done
	})
	return client
}

func TestEveryMethodOfVersion2IsThatOfVersion3(t *testing.T) {
	methods := taskv2.File_runtime_task_v2_shim_proto.Services().ByName("Task").Methods()
	called := make(chan string, 1)
	record := map[string]ttrpc.Method{}
	for i := range methods.Len() {
		name := string(methods.Get(i).Name())
		record[name] = func(_ context.Context, unmarshal func(any) error) (any, error) {
			called <- name
			return &emptypb.Empty{}, unmarshal(&emptypb.Empty{})
		}
	}
	v3 := serve(t, func(s *ttrpc.Server) {
		s.RegisterService("containerd.task.v3.Task", &ttrpc.ServiceDesc{Methods: record})
	})
	v2 := serve(t, func(s *ttrpc.Server) { registerTaskV2(s, taskv3.NewTTRPCTaskClient(v3)) })
	for i := range methods.Len() {
		m := methods.Get(i)
		err := v2.Call(t.Context(), string(m.Parent().FullName()), string(m.Name()), &emptypb.Empty{}, &emptypb.Empty{})
		if err != nil {
			t.Errorf("%s: %v", m.Name(), err)
			continue
		}
		if got := <-called; got != string(m.Name()) {
			t.Errorf("%s calls %s", m.Name(), got)
		}
	}
}
