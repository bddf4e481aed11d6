//! Which cells of a table are shortened so that a row fits on a line. A line that breaks inside a
//! URL or a time is hard to read and cannot be copied.

/// Blanks between two columns.
pub(crate) const GAP: u16 = 2;
/// At the end of a column's head: its cells may be shortened.
const GIVES_WAY: char = '…';
/// What a column keeps however narrow the terminal is.
const KEPT_MIN: usize = 8;
/// Below this there is no room for two ends: only the start is kept.
const BOTH_ENDS_MIN: usize = 20;

/// Shortens cells so that each row is at most `width` wide, where that can be.
pub(super) fn fit<const N: usize>(
    head: [&str; N],
    mut rows: Vec<[String; N]>,
    width: usize,
) -> ([String; N], Vec<[String; N]>) {
    let gives_way = head.map(|text| text.ends_with(GIVES_WAY));
    let head = head.map(|text| text.trim_end_matches(GIVES_WAY).to_owned());
    let mut widths: [usize; N] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| length(&row[column]));
        cells.chain([length(&head[column])]).max().unwrap_or(0)
    });
    let gaps = usize::from(GAP) * N.saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > width {
        // The widest gives first, so that short columns stay whole.
        let widest = (0..N)
            .filter(|&column| gives_way[column] && widths[column] > KEPT_MIN)
            .max_by_key(|&column| widths[column]);
        match widest {
            Some(column) => widths[column] -= 1,
            None => break,
        }
    }
    for row in &mut rows {
        for (cell, &width) in row.iter_mut().zip(&widths) {
            *cell = shortened(cell, width);
        }
    }
    (head, rows)
}

/// The text with its middle cut out: where a URL begins and what it ends in tell it from others.
fn shortened(text: &str, width: usize) -> String {
    let length = length(text);
    if length <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(1);
    let tail = if width < BOTH_ENDS_MIN { 0 } else { kept / 3 };
    let start: String = text.chars().take(kept - tail).collect();
    let end: String = text.chars().skip(length - tail).collect();
    format!("{start}…{end}")
}

fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_target_loses_its_middle_and_nothing_else() {
        let target = "https://payments.example.com/api/v1/checkout/health/ready?x=…";
        let row = ["checkout", "down", target].map(str::to_owned);
        let (head, rows) = fit(["NAME…", "STATUS", "TARGET…"], vec![row], 60);
        assert_eq!(head, ["NAME", "STATUS", "TARGET"]);
        assert_eq!(rows[0][..2], ["checkout", "down"]);
        assert_eq!(rows[0][2], "https://payments.example.com…lth/ready?x=…");
        let wide: usize = rows[0].iter().map(|cell| length(cell)).sum();
        assert_eq!(wide + 2 + 2 + "STATUS".len() - "down".len(), 60);
    }

    #[test]
    fn what_fits_and_what_may_not_give_way_stays_whole() {
        let row = || vec![["a".repeat(36), "b".repeat(30)]];
        assert_eq!(fit(["ID", "WHAT…"], row(), 80).1, row());
        let [id, what] = fit(["ID", "WHAT…"], row(), 20).1.remove(0);
        assert_eq!((id, what), ("a".repeat(36), "bbbbbbb…".to_owned()));
    }
}
