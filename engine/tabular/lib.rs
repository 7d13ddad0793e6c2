//! Parquet, in and out.
//!
//! Deliberately absent: what a row means (`campaign`), and CSV.
