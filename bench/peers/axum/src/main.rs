//! The same routes as every peer, on axum, tokio-postgres and a deadpool of 15 connections.
//! Usage: DATABASE_URL=… PORT=… axum-peer   (TOKIO_WORKER_THREADS is tokio's own setting)

use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::ListenerExt,
    Json, Router,
};
use chrono::{DateTime, Utc};
use deadpool_postgres::{Manager, ManagerConfig, Pool, PoolError, RecyclingMethod};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use tokio_postgres::{NoTls, Row};

const POOL_SIZE: usize = 15;
const ITEM_BY_ID: &str =
    "select id, name, description, price, stock, created_at from items where id = $1";

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

#[derive(Deserialize)]
struct TypedQuery {
    q: Option<String>,
    #[serde(default = "default_limit")]
    limit: i64,
}

fn default_limit() -> i64 {
    20
}

#[derive(Serialize)]
struct TypedAnswer {
    item_id: i64,
    q: Option<String>,
    limit: i64,
}

#[derive(Deserialize)]
struct NewItem {
    name: String,
    price: f64,
    description: Option<String>,
}

#[derive(Serialize)]
struct CreatedItem {
    id: i64,
    name: String,
    price: f64,
    description: Option<String>,
}

#[derive(Serialize)]
struct Item {
    id: i64,
    name: String,
    description: Option<String>,
    price: f64,
    stock: Option<i64>,
    created_at: DateTime<Utc>,
}

impl From<Row> for Item {
    fn from(row: Row) -> Self {
        Item {
            id: row.get(0),
            name: row.get(1),
            description: row.get(2),
            price: row.get(3),
            stock: row.get(4),
            created_at: row.get(5),
        }
    }
}

#[derive(Serialize)]
struct Problem {
    detail: String,
}

enum Failure {
    Invalid(&'static str),
    NotFound,
    Database(String),
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        Failure::Database(error.to_string())
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Failure::Database(error.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, detail) = match self {
            Failure::Invalid(detail) => (StatusCode::UNPROCESSABLE_ENTITY, detail.to_string()),
            Failure::NotFound => (StatusCode::NOT_FOUND, "Item not found".to_string()),
            Failure::Database(detail) => (StatusCode::SERVICE_UNAVAILABLE, detail),
        };
        (status, Json(Problem { detail })).into_response()
    }
}

fn require(holds: bool, detail: &'static str) -> Result<(), Failure> {
    if holds {
        Ok(())
    } else {
        Err(Failure::Invalid(detail))
    }
}

async fn hello() -> Json<Message> {
    Json(Message { message: "hello from FastAPI" })
}

async fn typed_get(
    Path(item_id): Path<i64>,
    Query(TypedQuery { q, limit }): Query<TypedQuery>,
) -> Result<Json<TypedAnswer>, Failure> {
    require(item_id >= 1, "item_id: at least 1")?;
    require(q.as_deref().is_none_or(|q| q.chars().count() <= 50), "q: at most 50 characters")?;
    require((1..=100).contains(&limit), "limit: 1 to 100")?;
    Ok(Json(TypedAnswer { item_id, q, limit }))
}

async fn typed_post(Json(item): Json<NewItem>) -> Result<(StatusCode, Json<CreatedItem>), Failure> {
    let NewItem { name, price, description } = item;
    require((1..=80).contains(&name.chars().count()), "name: 1 to 80 characters")?;
    require(price > 0.0, "price: greater than 0")?;
    Ok((StatusCode::CREATED, Json(CreatedItem { id: 1, name, price, description })))
}

async fn read_item(State(pool): State<Pool>, Path(item_id): Path<i64>) -> Result<Json<Item>, Failure> {
    let client = pool.get().await?;
    let statement = client.prepare_cached(ITEM_BY_ID).await?;
    match client.query_opt(&statement, &[&item_id]).await? {
        Some(row) => Ok(Json(row.into())),
        None => Err(Failure::NotFound),
    }
}

/// tokio-postgres pipelines what is polled together on one connection.
async fn twenty(State(pool): State<Pool>) -> Result<Json<Vec<Item>>, Failure> {
    let client = &pool.get().await?;
    let statement = &client.prepare_cached(ITEM_BY_ID).await?;
    let queries = (0..20).map(|n| async move {
        let item_id: i64 = n * 500 + 1;
        client.query_one(statement, &[&item_id]).await
    });
    let rows = try_join_all(queries).await?;
    Ok(Json(rows.into_iter().map(Item::from).collect()))
}

fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("set the environment variable {name}"))
}

#[tokio::main]
async fn main() {
    let postgres = setting("DATABASE_URL").parse().expect("DATABASE_URL is a postgresql:// address");
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let pool = Pool::builder(Manager::from_config(postgres, NoTls, recycling))
        .max_size(POOL_SIZE)
        .build()
        .expect("a pool without time-outs needs nothing");

    let app = Router::new()
        .route("/", get(hello))
        .route("/typed/{item_id}", get(typed_get))
        .route("/typed", post(typed_post))
        .route("/items/{item_id}", get(read_item))
        .route("/twenty", get(twenty))
        .with_state(pool);

    let address = format!("127.0.0.1:{}", setting("PORT"));
    let listener = tokio::net::TcpListener::bind(&address).await.expect("the port is free");
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, app).await.expect("accepting does not end");
}
