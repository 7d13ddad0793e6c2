//! Rows of a lender's database, read and never written: a view or a query of PostgreSQL or SQLite.
//!
//! Every value comes as the text that the database makes of it, so that decimals and long numbers stay exact.
//! Deliberately absent: what a row means (`campaign`).

use std::{fmt, ops::ControlFlow, path::Path, str::FromStr};

use async_recursion::async_recursion as boxed;
use futures_util::TryStreamExt;
use sqlx::{
    AssertSqlSafe, Column, Connection, Executor, PgConnection, Row, SqlSafeStr, SqliteConnection, Statement,
    postgres::PgConnectOptions, sqlite::SqliteConnectOptions,
};

/// The names of a query's columns.
macro_rules! columns {
    ($connection:ident, $head:ident) => {{
        let statement =
            (&mut $connection).prepare(AssertSqlSafe($head).into_sql_str()).await.map_err(read)?;
        statement.columns().iter().map(|column| column.name().to_owned()).collect::<Vec<String>>()
    }};
}

/// Hands over the rows of a query of texts.
macro_rules! each_row {
    ($connection:ident, $sql:ident, $width:ident, $take:ident) => {{
        let mut rows = sqlx::query($sql).fetch(&mut $connection);
        let mut count = 0;
        while let Some(row) = rows.try_next().await.map_err(read)? {
            let values = (0..$width).map(|n| row.try_get::<Option<String>, usize>(n).map_err(read));
            count += 1;
            if $take(values.collect::<Result<Vec<_>, _>>()?).await.is_break() {
                break;
            }
        }
        Ok(count)
    }};
}

/// What is pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A view or a table by its name, with its schema where it has one (`lender.cases_due`).
    View(String),
    /// A query: one SELECT.
    Query(String),
}

/// Why rows of a lender's database cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The address is neither a PostgreSQL URL nor the path of an SQLite file. It is not repeated: it may hold a
    /// password.
    #[error(
        "not an address of a database: write postgres://USER@HOST/DATABASE, or the path of an SQLite file 数据库地址有误"
    )]
    Address,
    /// There is no such file.
    #[error("{0}: there is no such SQLite file 没有该 SQLite 文件")]
    NoFile(String),
    /// It is not reached.
    #[error(
        "the lender's database cannot be reached: is its server up, and are user and password right? 无法连接贷方数据库"
    )]
    Unreachable(#[source] sqlx::Error),
    /// The database refuses the query, or broke off.
    #[error("the lender's database cannot be read: {told} 无法读取贷方数据库")]
    Read {
        /// What it said.
        told: String,
    },
    /// Two columns of the same name.
    #[error("the column {0:?} stands twice: name each once 列重复")]
    Twice(String),
}

/// A lender's database, connected for reading.
pub struct Pull {
    at: At,
    columns: Vec<String>,
    /// What reads all rows as text.
    rows: String,
}

enum At {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

impl fmt::Debug for Pull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pull({:?})", self.columns)
    }
}

impl Pull {
    /// Connects, and asks which columns there are. Nothing can be written over the connection.
    ///
    /// # Errors
    /// When the database cannot be reached or read.
    #[boxed]
    pub async fn connect(address: &str, source: &Source) -> Result<Self, PullError> {
        let from = match source {
            Source::View(name) => name.split('.').map(quoted).collect::<Vec<_>>().join("."),
            Source::Query(query) => format!("({})", query.trim().trim_end_matches(';')),
        };
        let head = format!("SELECT * FROM {from} AS pulled LIMIT 0");
        let (at, columns) = if address.starts_with("postgres://") || address.starts_with("postgresql://") {
            let options = PgConnectOptions::from_str(address).map_err(|_| PullError::Address)?;
            // Whoever may write there does not by way of us.
            let options =
                options.options([("default_transaction_read_only", "on")]).application_name("waihu");
            let mut connection =
                PgConnection::connect_with(&options).await.map_err(PullError::Unreachable)?;
            let columns = columns!(connection, head);
            (At::Postgres(connection), columns)
        } else {
            let path = address.strip_prefix("sqlite:").unwrap_or(address);
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path.contains("://") {
                return Err(PullError::Address);
            }
            if !Path::new(path).is_file() {
                return Err(PullError::NoFile(path.to_owned()));
            }
            let options = SqliteConnectOptions::new().filename(path).read_only(true);
            let mut connection =
                SqliteConnection::connect_with(&options).await.map_err(PullError::Unreachable)?;
            let columns = columns!(connection, head);
            (At::Sqlite(connection), columns)
        };
        if let Some((_, twice)) = columns.iter().enumerate().find(|(n, c)| columns[..*n].contains(c)) {
            return Err(PullError::Twice(twice.clone()));
        }
        let texts: Vec<String> = columns.iter().map(|c| format!("CAST({} AS TEXT)", quoted(c))).collect();
        let rows = format!("SELECT {} FROM {from} AS pulled", texts.join(", "));
        Ok(Self { at, columns, rows })
    }

    /// The names of the columns, in the order of the values.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Reads all rows, one after the other, until `take` wants no more; how many there were.
    ///
    /// # Errors
    /// When the database breaks off.
    pub async fn each(
        self,
        mut take: impl AsyncFnMut(Vec<Option<String>>) -> ControlFlow<()>,
    ) -> Result<u64, PullError> {
        let (width, sql) = (self.columns.len(), AssertSqlSafe(self.rows));
        match self.at {
            At::Postgres(mut connection) => each_row!(connection, sql, width, take),
            At::Sqlite(mut connection) => each_row!(connection, sql, width, take),
        }
    }
}

/// What a database says of a query that it does not take; no value stands in that.
fn read(e: sqlx::Error) -> PullError {
    match e {
        sqlx::Error::Database(told) => PullError::Read { told: told.message().to_owned() },
        sqlx::Error::ColumnDecode { index, .. } => {
            PullError::Read { told: format!("the column {index} holds no text") }
        }
        other => PullError::Read { told: other.to_string() },
    }
}

fn quoted(name: impl AsRef<str>) -> String {
    format!("\"{}\"", name.as_ref().replace('"', "\"\""))
}
