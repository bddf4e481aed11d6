//! The guard before a JSONPath is parsed or evaluated.
//!
//! The parser descends once per bracket and would overflow the stack; some short paths select
//! more nodes than memory holds, or compile an expression per node. What passes here is parsed
//! on a bounded stack and evaluated in time and space that the body's size bounds.

/// Longest path, in bytes.
pub const PATH_MAX: usize = 1024;
/// Deepest nesting of brackets and parentheses.
const DEPTH_MAX: usize = 64;
/// Most `..` steps: each may multiply the selected nodes by the document's depth.
const DESCENTS_MAX: usize = 2;
/// Most `,` between selectors: each may double the selected nodes.
const UNIONS_MAX: usize = 8;
/// Deepest nesting of filters.
const FILTERS_MAX: usize = 2;

/// Why a path is refused before it is parsed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refused {
    /// Too long.
    #[error("the path is longer than {PATH_MAX} bytes")]
    TooLong,
    /// Too deep.
    #[error("the path nests brackets deeper than {DEPTH_MAX}")]
    TooDeep,
    /// Brackets do not pair.
    #[error("the path's brackets and quotes do not pair")]
    Unpaired,
    /// Too costly to evaluate.
    #[error("the path could select far too much: {0}")]
    TooCostly(&'static str),
}

/// Checks a path's length, nesting and cost without parsing it.
pub(super) fn check(path: &str) -> Result<(), Refused> {
    if path.len() > PATH_MAX {
        return Err(Refused::TooLong);
    }
    let mut seen = Seen::default();
    let mut bytes = path.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\'' | b'"' => skip_string(&mut bytes, byte)?,
            b'.' if bytes.peek() == Some(&b'.') => {
                bytes.next();
                seen.descents += 1;
            }
            _ => seen.take(byte)?,
        }
    }
    if !seen.open.is_empty() {
        return Err(Refused::Unpaired);
    }
    seen.cost(path)
}

fn skip_string(bytes: &mut impl Iterator<Item = u8>, quote: u8) -> Result<(), Refused> {
    while let Some(byte) = bytes.next() {
        if byte == b'\\' {
            bytes.next();
        } else if byte == quote {
            return Ok(());
        }
    }
    Err(Refused::Unpaired)
}

/// What of a path has been read, outside strings.
#[derive(Default)]
struct Seen {
    /// The brackets that are open, and how many filters began in each.
    open: Vec<u8>,
    filters: usize,
    deepest_filter: usize,
    filter_starts: Vec<usize>,
    descents: usize,
    unions: usize,
    roots: usize,
}

impl Seen {
    fn take(&mut self, byte: u8) -> Result<(), Refused> {
        match byte {
            b'[' | b'(' | b'{' => {
                self.open.push(byte);
                if self.open.len() > DEPTH_MAX {
                    return Err(Refused::TooDeep);
                }
            }
            b']' | b')' | b'}' => self.close(byte)?,
            b'?' => {
                self.filter_starts.push(self.open.len());
                self.filters = self.filter_starts.len();
                self.deepest_filter = self.deepest_filter.max(self.filters);
            }
            b',' if self.open.last() == Some(&b'[') => {
                self.unions += 1;
                self.end_filters_at(self.open.len());
            }
            b'$' => self.roots += 1,
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, byte: u8) -> Result<(), Refused> {
        let fits = match self.open.last() {
            Some(b'[') => byte == b']',
            Some(b'(') => byte == b')',
            Some(b'{') => byte == b'}',
            _ => false,
        };
        if !fits {
            return Err(Refused::Unpaired);
        }
        self.end_filters_at(self.open.len());
        self.open.pop();
        Ok(())
    }

    fn end_filters_at(&mut self, depth: usize) {
        self.filter_starts.retain(|start| *start < depth);
    }

    fn cost(&self, path: &str) -> Result<(), Refused> {
        let regex = path.contains("match") || path.contains("search");
        let too_costly = [
            (self.descents > DESCENTS_MAX, "more than two `..`"),
            (self.unions > UNIONS_MAX, "too many `,`"),
            (
                self.unions > 1 && self.descents > 0,
                "`,` together with `..`",
            ),
            (
                self.deepest_filter > FILTERS_MAX,
                "filters in filters in filters",
            ),
            (self.roots > 1, "`$` inside a filter"),
            (regex && path.contains('{'), "repetition in an expression"),
        ];
        match too_costly.into_iter().find(|(holds, _)| *holds) {
            Some((_, why)) => Err(Refused::TooCostly(why)),
            None => Ok(()),
        }
    }
}
