// Command app is the application of the example stack: each request counts a
// visit in Redis, writes it to PostgreSQL, and answers with both counts.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	db, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer db.Close()
	cache := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDRESS")})
	defer cache.Close()

	app := &app{db: db, cache: cache, greeting: os.Getenv("GREETING")}
	server := &http.Server{Addr: ":8080", Handler: app, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Shutdown(context.Background())
	}()
	log.Printf("listening on %s", server.Addr)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

type app struct {
	db       *pgxpool.Pool
	cache    *redis.Client
	greeting string
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	visits, rows, err := a.visit(r.Context())
	if err != nil {
		log.Print(err)
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintf(w, "%s: visit %d by Redis, %d by PostgreSQL\n", a.greeting, visits, rows)
}

func (a *app) visit(ctx context.Context) (visits, rows int64, err error) {
	if visits, err = a.cache.Incr(ctx, "visits").Result(); err != nil {
		return 0, 0, err
	}
	if _, err = a.db.Exec(ctx, `CREATE TABLE IF NOT EXISTS visits (at timestamptz NOT NULL)`); err != nil {
		return 0, 0, err
	}
	if _, err = a.db.Exec(ctx, `INSERT INTO visits VALUES (now())`); err != nil {
		return 0, 0, err
	}
	err = a.db.QueryRow(ctx, `SELECT count(*) FROM visits`).Scan(&rows)
	return visits, rows, err
}
