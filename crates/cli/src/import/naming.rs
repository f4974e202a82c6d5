//! Valid and unique names from any text.

use std::collections::HashSet;

/// Names longer than this get cut: room is left for a number that makes them unique.
const LONGEST: usize = 48;

/// The name that is nearest to the text: letters lose their marks, runs of what names cannot have become one `-`. Empty where nothing is left.
pub fn valid(text: &str) -> String {
    let mut name = String::new();
    for c in text.trim().chars() {
        match plain(c) {
            Some(letters) => name.push_str(letters),
            None if c.is_ascii_alphanumeric() || matches!(c, '_' | '.') => name.push(c),
            None if name.ends_with('-') => {}
            None => name.push('-'),
        }
    }
    let name = name.trim_matches(['-', '_', '.']);
    let cut: String = name.chars().take(LONGEST).collect();
    cut.trim_end_matches(['-', '_', '.']).to_owned()
}

/// A Latin letter without its marks, as one would write it in a host name.
fn plain(c: char) -> Option<&'static str> {
    let letters = match c {
        'à' | 'á' | 'â' | 'ã' | 'å' | 'ā' | 'ă' | 'ą' => "a",
        'À' | 'Á' | 'Â' | 'Ã' | 'Å' | 'Ā' | 'Ă' | 'Ą' => "A",
        'ä' | 'æ' => "ae",
        'Ä' | 'Æ' => "Ae",
        'ç' | 'ć' | 'č' | 'ċ' => "c",
        'Ç' | 'Ć' | 'Č' | 'Ċ' => "C",
        'ď' | 'đ' | 'ð' => "d",
        'Ď' | 'Đ' | 'Ð' => "D",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' => "e",
        'È' | 'É' | 'Ê' | 'Ë' | 'Ē' | 'Ė' | 'Ę' | 'Ě' => "E",
        'ğ' | 'ģ' => "g",
        'Ğ' | 'Ģ' => "G",
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'į' | 'ı' => "i",
        'Ì' | 'Í' | 'Î' | 'Ï' | 'Ī' | 'Į' | 'İ' => "I",
        'ķ' => "k",
        'Ķ' => "K",
        'ł' | 'ļ' | 'ľ' => "l",
        'Ł' | 'Ļ' | 'Ľ' => "L",
        'ñ' | 'ń' | 'ň' | 'ņ' => "n",
        'Ñ' | 'Ń' | 'Ň' | 'Ņ' => "N",
        'ò' | 'ó' | 'ô' | 'õ' | 'ō' | 'ő' => "o",
        'Ò' | 'Ó' | 'Ô' | 'Õ' | 'Ō' | 'Ő' => "O",
        'ö' | 'ø' | 'œ' => "oe",
        'Ö' | 'Ø' | 'Œ' => "Oe",
        'ř' => "r",
        'Ř' => "R",
        'ś' | 'š' | 'ş' | 'ș' => "s",
        'Ś' | 'Š' | 'Ş' | 'Ș' => "S",
        'ß' => "ss",
        'ť' | 'ţ' | 'ț' => "t",
        'Ť' | 'Ţ' | 'Ț' => "T",
        'þ' => "th",
        'Þ' => "Th",
        'ù' | 'ú' | 'û' | 'ū' | 'ů' | 'ű' | 'ų' => "u",
        'Ù' | 'Ú' | 'Û' | 'Ū' | 'Ů' | 'Ű' | 'Ų' => "U",
        'ü' => "ue",
        'Ü' => "Ue",
        'ý' | 'ÿ' => "y",
        'Ý' | 'Ÿ' => "Y",
        'ź' | 'ž' | 'ż' => "z",
        'Ź' | 'Ž' | 'Ż' => "Z",
        _ => return None,
    };
    Some(letters)
}

/// Names that were given out already.
#[derive(Debug, Default)]
pub struct Taken(HashSet<String>);

impl Taken {
    /// The name, or the first of `name-2`, `name-3`, … that is free. `host` is never free: it is the machine itself.
    pub fn unique(&mut self, name: String) -> String {
        let free = |candidate: &String| candidate != "host" && !self.0.contains(candidate);
        let numbered = (2..).map(|n| format!("{name}-{n}"));
        let found = std::iter::once(name.clone()).chain(numbered).find(free).expect("numbers do not run out");
        self.0.insert(found.clone());
        found
    }
}

#[cfg(test)]
mod tests {
    use super::{Taken, valid};

    #[test]
    fn a_label_becomes_the_nearest_valid_name() {
        let cases = [
            ("New York", "New-York"),
            ("Zürich", "Zuerich"),
            ("Malmö / Göteborg", "Malmoe-Goeteborg"),
            ("  -x. ", "x"),
            ("東京", ""),
            ("?", ""),
            ("St. Louis (MO)", "St.-Louis-MO"),
            ("a_b.c", "a_b.c"),
        ];
        for (label, name) in cases {
            assert_eq!(valid(label), name, "{label}");
        }
    }

    #[test]
    fn equal_names_are_numbered_and_a_number_that_is_taken_is_skipped() {
        let mut taken = Taken::default();
        let names = ["a", "a-2", "a", "a", "host"].map(|n| taken.unique(n.to_owned()));
        assert_eq!(names, ["a", "a-2", "a-3", "a-4", "host-2"]);
    }
}
