//! The course of something in block characters.

/// From an eighth of a line to a whole one.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Most characters of a course: two weeks have one per day.
const MOST: usize = 14;

/// One character per value, or per span of values where there are more than fourteen: the highest of each span,
/// as a share of `whole`. More than the whole is a full block; what is no number is a space.
pub(super) fn course(values: &[f64], whole: f64) -> String {
    let span = values.len().div_ceil(MOST).max(1);
    values
        .chunks(span)
        .map(|values| block(values.iter().copied().fold(f64::NAN, f64::max), whole))
        .collect()
}

fn block(value: f64, whole: f64) -> char {
    let share = value / whole;
    if !share.is_finite() {
        return ' ';
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0..=7"
    )]
    let level = (share * 8.0).floor().clamp(0.0, 7.0) as usize;
    BLOCKS[level]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_course_shows_shares_of_the_whole() {
        assert_eq!(course(&[0.0, 0.5, 1.0, 2.0], 1.0), "▁▅██");
        assert_eq!(course(&[], 1.0), "");
        assert_eq!(course(&[1.0, f64::NAN], 0.0), "  ");
    }

    #[test]
    fn a_long_course_keeps_the_highest_of_each_span() {
        let mut values = vec![0.0; 455];
        values[200] = 1.0;
        let course = course(&values, 1.0);
        assert!(course.chars().count() <= 14);
        assert_eq!(course.matches('█').count(), 1);
    }
}
