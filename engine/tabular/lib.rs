//! Parquet, in and out.
//!
//! Rows are lists of JSON values: decimals as exact text, days as `2026-11-15`, moments as RFC 3339.
//!
//! Deliberately absent: what a row means (`campaign`), and CSV.

mod read;
mod write;

pub use parquet::file::reader::ChunkReader;
pub use read::{Rows, read};
pub use write::{Column, Kind, Writer};

/// Why a file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TabularError {
    /// The bytes are no Parquet, or not the whole of it.
    #[error(
        "no Parquet file, or cut short or broken: write it again 不是完整的 Parquet 文件，请重新导出 ({0})"
    )]
    Broken(String),
    /// It cannot be written.
    #[error("the Parquet file cannot be written 无法写入 Parquet 文件 ({0})")]
    Write(#[source] parquet::errors::ParquetError),
    /// A value is not of its column's kind.
    #[error("{column}: a value that is no {kind:?} 值与列类型不符")]
    Value {
        /// The column.
        column: String,
        /// Its kind.
        kind: Kind,
    },
}
