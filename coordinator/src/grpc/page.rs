//! Pages of lists. A token says behind which item the next page begins, so that what is added or
//! removed meanwhile neither repeats nor hides the others.

use prost::Message;
use tonic::Status;
use vigilmon_common::name::Name;
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

/// Which page of a list by name is wanted. The token of a page is the last name of the one before.
pub(super) struct ByName {
    size: usize,
    after: Option<String>,
}

impl ByName {
    /// The page that a request asks for.
    pub(super) fn asked(page_size: i32, page_token: &str) -> Result<Self, Status> {
        Ok(Self {
            size: size(page_size)?,
            after: token(page_token, |text| {
                text.strip_prefix("n:").map(str::to_owned)
            })?,
        })
    }

    /// Of all items, those that may stand on the page, by name, and one more where there is one.
    pub(super) fn of<'a, T: Clone + 'a>(
        &self,
        all: impl IntoIterator<Item = &'a T>,
        name: impl Fn(&T) -> &Name,
    ) -> Vec<T> {
        let after = self.after.as_deref();
        let is_behind = |item: &&T| after.is_none_or(|after| name(item).as_str() > after);
        let mut behind: Vec<&T> = all.into_iter().filter(is_behind).collect();
        behind.sort_by(|a, b| name(a).cmp(name(b)));
        behind.into_iter().take(self.size + 1).cloned().collect()
    }

    /// The page of what [`of`](Self::of) gave, as messages, and the token of the next one; empty
    /// behind the last.
    pub(super) fn fill<M: Message>(
        &self,
        items: impl IntoIterator<Item = M>,
        name: impl Fn(&M) -> &str,
    ) -> (Vec<M>, String) {
        let (page, more) = fill(self.size, items);
        let last = page.last().filter(|_| more);
        let next = last.map(|last| format!("n:{}", name(last)));
        (page, next.unwrap_or_default())
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
        let after = |token: &str| ByName::asked(0, token).map(|page| page.after);
        assert_eq!(after("").unwrap(), None);
        assert_eq!(after("n:api").unwrap().as_deref(), Some("api"));
        assert!(after("api").is_err());
        assert!(after(&format!("n:{}", "x".repeat(TOKEN_MAX))).is_err());
    }
}
