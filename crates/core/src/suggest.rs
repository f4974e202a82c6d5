//! "Did you mean": the nearest of the words that would have been right.

/// The candidate that the word was most likely meant to be; none if none is near. The first of equals.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    near(word, candidates).first().copied()
}

/// The candidates that the word may have been meant to be, the likest first; equals in their order.
pub fn near<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let length = word.chars().count();
    let most = (length / 3).clamp(1, 3).min(length.saturating_sub(1));
    let distance = |c: &'a str| {
        let near_enough = c.len().abs_diff(word.len()) <= 4 * most;
        near_enough.then(|| strsim::osa_distance(&word.to_lowercase(), &c.to_lowercase()))
    };
    let scored = candidates.into_iter().filter_map(|c| Some((distance(c)?, c)));
    let mut near: Vec<(usize, &str)> = scored.filter(|&(d, c)| d <= most && c != word).collect();
    near.sort_by_key(|&(d, _)| d);
    near.into_iter().map(|(_, c)| c).collect()
}

/// Words as prose: `a`, `b` or `c`.
pub fn any_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|w| format!("`{w}`")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_meant_and_a_far_one_is_not() {
        let words = ["endpoints", "each", "mtu", "node"];
        assert_eq!(nearest("endpoint", words), Some("endpoints"));
        assert_eq!(nearest("MTU", words), Some("mtu"));
        assert_eq!(nearest("nodes", words), Some("node"));
        assert_eq!(nearest("delay", words), None);
        assert_eq!(nearest("x", ["a", "b"]), None);
        assert_eq!(near("ip_forwad", ["ip_forward_x", "ip_forward", "tcp"]), ["ip_forward", "ip_forward_x"]);
    }
}
