// The same routes as every peer, on net/http and a pgx pool of 15 connections.
// Usage: DATABASE_URL=… PORT=… go-peer   (GOMAXPROCS is Go's own setting)
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	poolSize = 15
	maxBody  = 1 << 20
	itemByID = "select id, name, description, price, stock, created_at from items where id = $1"
)

type message struct {
	Message string `json:"message"`
}

type typedAnswer struct {
	ItemID int64   `json:"item_id"`
	Q      *string `json:"q"`
	Limit  int64   `json:"limit"`
}

type newItem struct {
	Name        string  `json:"name"`
	Price       float64 `json:"price"`
	Description *string `json:"description"`
}

type createdItem struct {
	ID int64 `json:"id"`
	newItem
}

type item struct {
	ID          int64     `json:"id"`
	Name        string    `json:"name"`
	Description *string   `json:"description"`
	Price       float64   `json:"price"`
	Stock       *int64    `json:"stock"`
	CreatedAt   time.Time `json:"created_at"`
}

type problem struct {
	Detail string `json:"detail"`
}

func answer(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(body)
}

func invalid(w http.ResponseWriter, detail string) {
	answer(w, http.StatusUnprocessableEntity, problem{detail})
}

func databaseFailed(w http.ResponseWriter, err error) {
	if errors.Is(err, pgx.ErrNoRows) {
		answer(w, http.StatusNotFound, problem{"Item not found"})
		return
	}
	answer(w, http.StatusServiceUnavailable, problem{err.Error()})
}

func pathID(r *http.Request) (int64, bool) {
	id, err := strconv.ParseInt(r.PathValue("item_id"), 10, 64)
	return id, err == nil && id >= 1
}

func hello(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, message{"hello from FastAPI"})
}

func typedGet(w http.ResponseWriter, r *http.Request) {
	id, ok := pathID(r)
	if !ok {
		invalid(w, "item_id: an integer, at least 1")
		return
	}
	in := typedAnswer{ItemID: id, Limit: 20}
	query := r.URL.Query()
	if query.Has("q") {
		q := query.Get("q")
		if utf8.RuneCountInString(q) > 50 {
			invalid(w, "q: at most 50 characters")
			return
		}
		in.Q = &q
	}
	if query.Has("limit") {
		limit, err := strconv.ParseInt(query.Get("limit"), 10, 64)
		if err != nil || limit < 1 || limit > 100 {
			invalid(w, "limit: an integer, 1 to 100")
			return
		}
		in.Limit = limit
	}
	answer(w, http.StatusOK, in)
}

func typedPost(w http.ResponseWriter, r *http.Request) {
	var in newItem
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&in); err != nil {
		invalid(w, err.Error())
		return
	}
	if length := utf8.RuneCountInString(in.Name); length < 1 || length > 80 {
		invalid(w, "name: 1 to 80 characters")
		return
	}
	if !(in.Price > 0) {
		invalid(w, "price: greater than 0")
		return
	}
	answer(w, http.StatusCreated, createdItem{1, in})
}

func scanItem(row pgx.Row) (item, error) {
	var it item
	err := row.Scan(&it.ID, &it.Name, &it.Description, &it.Price, &it.Stock, &it.CreatedAt)
	it.CreatedAt = it.CreatedAt.UTC()
	return it, err
}

func readItem(pool *pgxpool.Pool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, ok := pathID(r)
		if !ok {
			invalid(w, "item_id: an integer, at least 1")
			return
		}
		it, err := scanItem(pool.QueryRow(r.Context(), itemByID, id))
		if err != nil {
			databaseFailed(w, err)
			return
		}
		answer(w, http.StatusOK, it)
	}
}

func twenty(pool *pgxpool.Pool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		batch := &pgx.Batch{}
		for n := range 20 {
			batch.Queue(itemByID, int64(n)*500+1)
		}
		results := pool.SendBatch(r.Context(), batch)
		defer results.Close()
		items := make([]item, 0, batch.Len())
		for range batch.Len() {
			it, err := scanItem(results.QueryRow())
			if err != nil {
				databaseFailed(w, err)
				return
			}
			items = append(items, it)
		}
		answer(w, http.StatusOK, items)
	}
}

func main() {
	config, err := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	config.MaxConns = poolSize
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", hello)
	mux.HandleFunc("GET /typed/{item_id}", typedGet)
	mux.HandleFunc("POST /typed", typedPost)
	mux.HandleFunc("GET /items/{item_id}", readItem(pool))
	mux.HandleFunc("GET /twenty", twenty(pool))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), mux))
}
