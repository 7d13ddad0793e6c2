//! Pages: a cursor says after what a page begins, not at which number, so that rows which come in between move
//! nothing.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{Problem, extract::text};

/// The most rows of a page: some hundred kilobytes of outcomes.
pub const MOST_ROWS: u32 = 200;
/// The rows of a page where nothing is said.
const ROWS: u32 = 50;

/// Which page is wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Where the page before ended: its `next`. Left out for the first page.
    #[param(max_length = 512)]
    pub cursor: Option<String>,
    /// How many rows, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

/// Rows, and where the next ones begin.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// What to hand in as `cursor` for the rows after these; none where there are none now.
    pub next: Option<String>,
}

/// How many rows were asked for.
pub fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    match asked.unwrap_or(ROWS) {
        n @ 1..=MOST_ROWS => Ok(n),
        _ => Err(Problem::invalid("limit", "a number from 1 to 200 is expected 应为 1 至 200")),
    }
}

/// Where a page begins; nothing where it is the first.
pub fn after<T: for<'de> Deserialize<'de>>(cursor: Option<&str>) -> Result<Option<T>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let bytes = hex::decode(cursor).ok();
    let read = bytes.and_then(|b| serde_json::from_slice(&b).ok());
    read.map(Some).ok_or_else(|| {
        Problem::invalid("cursor", "hand in the `next` of an earlier page, unchanged 请原样使用上一页的 next")
    })
}

/// The cursor for the rows after a place.
pub fn cursor(place: &impl Serialize) -> Result<String, Problem> {
    Ok(hex::encode(text(place)?))
}

impl<T> Page<T> {
    /// A page of the rows that were read, of which one more than wanted was asked for; `place` says where each is.
    pub fn of<R, P: Serialize>(
        mut rows: Vec<R>,
        limit: u32,
        place: impl Fn(&R) -> P,
        row: impl FnMut(R) -> Result<T, Problem>,
    ) -> Result<Self, Problem> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = match rows.last().filter(|_| more) {
            Some(last) => Some(cursor(&place(last))?),
            None => None,
        };
        Ok(Self { items: rows.into_iter().map(row).collect::<Result<_, _>>()?, next })
    }
}
