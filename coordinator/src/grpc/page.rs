//! Pages of lists. A token says behind which item the next page begins, so that what is added or
//! removed meanwhile neither repeats nor hides the others.

use prost::Message;
use tonic::Status;
use vigilmon_proto::limits::PAGE_BYTES;

use super::error;

/// Items of a page where the caller does not say.
const SIZE_DEFAULT: usize = 100;
/// Most items of a page.
const SIZE_MAX: usize = 1000;
/// Longest token that is read, in bytes.
const TOKEN_MAX: usize = 300;

/// How many items a page may have.
pub(super) fn size(asked: i32) -> Result<usize, Status> {
    match usize::try_from(asked) {
        Ok(0) => Ok(SIZE_DEFAULT),
        Ok(size) => Ok(size.min(SIZE_MAX)),
        Err(_) => Err(error::invalid_field("page_size", "is below zero", "")),
    }
}

/// What a page token says; `None` for the first page.
pub(super) fn token<T>(
    text: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    let known = Some(text)
        .filter(|text| text.len() <= TOKEN_MAX)
        .and_then(read);
    let remedy = "give the one of the page before, or none for the first page";
    known
        .map(Some)
        .ok_or_else(|| error::invalid_field("page_token", "is not a page token", remedy))
}

/// A page of messages and the place in front of which the next one begins: at `size` items, or
/// when they grow too large for one answer.
pub(super) fn fill<M: Message>(size: usize, items: impl IntoIterator<Item = M>) -> (Vec<M>, bool) {
    let mut page = Vec::new();
    let mut bytes = 0;
    for item in items {
        bytes += item.encoded_len();
        if page.len() == size || (bytes > PAGE_BYTES && !page.is_empty()) {
            return (page, true);
        }
        page.push(item);
    }
    (page, false)
}

/// Items by name that come behind a page token, which is the last name of the page before.
pub(super) fn after_name(token: &str) -> Result<Option<String>, Status> {
    self::token(token, |text| text.strip_prefix("n:").map(str::to_owned))
}

/// The token behind a name.
pub(super) fn name_token(more: bool, last: Option<&str>) -> String {
    match last {
        Some(last) if more => format!("n:{last}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_at_its_size_or_before_it_grows_too_large() {
        let (page, more) = fill(2, ["a", "b", "c"].map(str::to_owned));
        assert_eq!((page.len(), more), (2, true));
        let (page, more) = fill(3, ["a", "b", "c"].map(str::to_owned));
        assert_eq!((page.len(), more), (3, false));
        let large = || "x".repeat(PAGE_BYTES / 2 + 1);
        let (page, more) = fill(10, [large(), large()]);
        assert_eq!((page.len(), more), (1, true));
        let (page, more) = fill(10, ["x".repeat(PAGE_BYTES * 2)]);
        assert_eq!(
            (page.len(), more),
            (1, false),
            "one item is never too large for a page"
        );
    }

    #[test]
    fn sizes_and_tokens_that_cannot_be_are_refused() {
        assert_eq!(size(0).unwrap(), SIZE_DEFAULT);
        assert_eq!(size(i32::MAX).unwrap(), SIZE_MAX);
        assert!(size(-1).is_err());
        assert_eq!(after_name("").unwrap(), None);
        assert_eq!(after_name("n:api").unwrap().as_deref(), Some("api"));
        assert!(after_name("api").is_err());
        assert!(after_name(&format!("n:{}", "x".repeat(TOKEN_MAX))).is_err());
    }
}
