//! Sets of CPUs, as lists for people and as the masks that a kernel takes.

/// The mask of a list such as `0-3,8`: groups of 32 bits in hex, the highest first, joined by commas. None if it is no list.
pub(super) fn mask(list: &str) -> Option<String> {
    let mut words: Vec<u32> = vec![0];
    for part in list.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        for cpu in first.parse::<u16>().ok()?..=last.parse::<u16>().ok()? {
            let word = usize::from(cpu / 32);
            words.resize(words.len().max(word + 1), 0);
            words[word] |= 1 << (cpu % 32);
        }
    }
    let groups: Vec<String> = words.iter().rev().map(|word| format!("{word:08x}")).collect();
    Some(groups.join(","))
}

/// The list of a mask, sorted, with runs as ranges. None if it is no mask.
pub(super) fn list(mask: &str) -> Option<String> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for (group, word) in mask.trim().rsplit(',').enumerate() {
        let word = u32::from_str_radix(word, 16).ok()?;
        for bit in (0..32).filter(|bit| word & (1 << bit) != 0) {
            let cpu = u32::try_from(group).ok()? * 32 + bit;
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == cpu => *last = cpu,
                Some(_) | None => ranges.push((cpu, cpu)),
            }
        }
    }
    let range = |(first, last): &(u32, u32)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    Some(ranges.iter().map(range).collect::<Vec<_>>().join(","))
}

/// How many CPUs a list such as `0-3` leads up to: one more than the last. None if it is empty or no list.
pub(super) fn count(list: &str) -> Option<u32> {
    list.trim().rsplit([',', '-']).next()?.parse::<u32>().ok()?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn masks_are_as_a_kernel_writes_them() {
        for (list, mask) in [("", "00000000"), ("0", "00000001"), ("0-3,8", "0000010f"), ("33", "00000002,00000000")] {
            assert_eq!(super::mask(list).as_deref(), Some(mask));
            assert_eq!(super::list(mask).as_deref(), Some(list));
        }
        assert_eq!(list("3\n").as_deref(), Some("0-1"));
        assert_eq!((mask("a"), list("x")), (None, None));
        assert_eq!((count("0-3\n"), count("0,5"), count("7"), count("")), (Some(4), Some(6), Some(8), None));
    }

    proptest! {
        #[test]
        fn every_set_reads_back_as_it_was_written(cpus in proptest::collection::btree_set(0u16..300, 0..40)) {
            let singles = cpus.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
            let written = mask(&singles).expect("a list");
            let read = list(&written).expect("a mask");
            prop_assert_eq!(mask(&read), Some(written));
        }
    }
}
