//! Lists of the public API, read page by page.

use crate::failure::Failure;

/// All items of a list. `page` reads the page that a token names and says which token the next one
/// has; empty before the first and behind the last.
pub(crate) async fn all<T>(
    mut page: impl AsyncFnMut(String) -> Result<(Vec<T>, String), Failure>,
) -> Result<Vec<T>, Failure> {
    up_to(usize::MAX, async |_, token| page(token).await).await
}

/// The first items of a list, at most `wanted`. As [`all`]; `page` is also given how many are
/// still wanted.
pub(crate) async fn up_to<T>(
    wanted: usize,
    mut page: impl AsyncFnMut(usize, String) -> Result<(Vec<T>, String), Failure>,
) -> Result<Vec<T>, Failure> {
    let mut items = Vec::new();
    let mut token = String::new();
    while items.len() < wanted {
        let (more, next) = page(wanted - items.len(), token).await?;
        items.extend(more);
        if next.is_empty() {
            break;
        }
        token = next;
    }
    items.truncate(wanted);
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pages `[0, 1]`, `[2, 3]`, `[4]`.
    fn read(token: &str) -> (Vec<u8>, String) {
        match token {
            "" => (vec![0, 1], "b".to_owned()),
            "b" => (vec![2, 3], "c".to_owned()),
            _ => (vec![4], String::new()),
        }
    }

    #[tokio::test]
    async fn a_list_is_read_to_its_end() {
        let all = all(async |token| Ok(read(&token))).await;
        assert_eq!(all.unwrap(), [0, 1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn no_page_is_read_behind_what_is_wanted() {
        let mut asked = Vec::new();
        let some = up_to(3, async |wanted, token| {
            asked.push(wanted);
            Ok(read(&token))
        });
        assert_eq!(some.await.unwrap(), [0, 1, 2]);
        assert_eq!(asked, [3, 1]);
    }
}
