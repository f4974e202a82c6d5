//! Values with and without units, as people write them in JSON.

use netsim_core::units;

use super::Json;

/// A value of our file, and how it was read where it could have been read otherwise.
pub type Value = (String, Option<String>);

/// What is said of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    Time,
    Percent,
    Rate,
    Count,
}

/// A quantity from a JSON value; `unit` is what the key says of it (`delay_ms`). None where it is no such quantity.
pub fn quantity(json: &Json, of: Quantity, unit: Option<&str>) -> Option<Value> {
    let text = match json {
        Json::Number(number) => number.to_string(),
        Json::Text(text) => text.trim().to_lowercase(),
        Json::Null | Json::Bool(_) | Json::List(_) | Json::Map(_) => return None,
    };
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, own) = (&text[..at], text[at..].trim());
    let own = Some(own).filter(|own| !own.is_empty());
    let said = own.or(unit);
    match of {
        Quantity::Time => time(number, said),
        Quantity::Percent => percent(number, said),
        Quantity::Rate => rate(number, said),
        Quantity::Count => {
            (own.is_none() && number.parse::<u32>().is_ok_and(|n| n > 0)).then(|| (number.to_owned(), None))
        }
    }
}

fn time(number: &str, unit: Option<&str>) -> Option<Value> {
    let word = match unit {
        None | Some("ms" | "msec" | "msecs" | "millis" | "milliseconds") => "ms",
        Some("us" | "usec" | "usecs" | "µs" | "μs" | "micros" | "microseconds") => "us",
        Some("s" | "sec" | "secs" | "seconds") => "s",
        Some("ns" | "nsec" | "nsecs" | "nanos" | "nanoseconds") => "ns",
        Some(_) => return None,
    };
    let read = units::print_time(units::time(&format!("{number}{word}")).ok()?);
    let note = unit.is_none().then(|| format!("{number} was read as {read}"));
    Some((read, note))
}

fn percent(number: &str, unit: Option<&str>) -> Option<Value> {
    let read = match unit {
        None | Some("%" | "percent" | "pct") => units::print_percent(units::percent(&format!("{number}%")).ok()?),
        Some(_) => return None,
    };
    let share = number.parse::<f64>().is_ok_and(|n| n > 0.0 && n < 1.0);
    let note = match (unit, share) {
        (Some(_), _) => None,
        (None, false) => Some(format!("{number} was read as {read}")),
        (None, true) => {
            Some(format!("{number} was read as {read}; write {} if a share of one was meant", whole(number)))
        }
    };
    Some((read, note))
}

/// A share of one as a percentage.
fn whole(number: &str) -> String {
    let share = number.parse::<f64>().unwrap_or_default();
    // Enough digits for what people write, without those that floating point adds.
    format!("{:.6}", share * 100.0).trim_end_matches('0').trim_end_matches('.').to_owned() + "%"
}

fn rate(number: &str, unit: Option<&str>) -> Option<Value> {
    let exact = |word: &str| units::rate(&format!("{number}{word}")).ok().map(units::print_rate);
    let Some(unit) = unit else {
        // Nobody's link is faster than a terabit or slower than a bit: large numbers count bits.
        let large = number.parse::<f64>().is_ok_and(|n| n >= 1e6);
        let read = exact(if large { "bit" } else { "mbit" })?;
        return Some((read.clone(), Some(format!("{number} was read as {read}"))));
    };
    let word = unit.trim_end_matches("/s");
    let plain = match word {
        "bit" | "bits" | "b" => "bit",
        "kbit" | "kbits" | "kb" | "k" => "kbit",
        "mbit" | "mbits" | "mb" | "m" => "mbit",
        "gbit" | "gbits" | "gb" | "g" => "gbit",
        "bps" => "bit",
        "kbps" => "kbit",
        "mbps" => "mbit",
        "gbps" => "gbit",
        _ => return None,
    };
    let read = exact(plain)?;
    let note = (word != plain).then(|| format!("{number}{unit} was read as {read}"));
    Some((read, note))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, of: Quantity, unit: Option<&str>, read: &str, note: Option<&str>) {
        let json: Json = serde_json::from_str(json).expect("it is JSON");
        let expected = Some((read.to_owned(), note.map(str::to_owned))).filter(|(read, _)| !read.is_empty());
        assert_eq!(quantity(&json, of, unit), expected, "{json:?}");
    }

    #[test]
    fn numbers_without_a_unit_are_read_in_the_usual_one_and_that_is_said() {
        check("10", Quantity::Time, None, "10ms", Some("10 was read as 10ms"));
        check("0.5", Quantity::Time, None, "500us", Some("0.5 was read as 500us"));
        check("1", Quantity::Percent, None, "1%", Some("1 was read as 1%"));
        check(
            "0.01",
            Quantity::Percent,
            None,
            "0.01%",
            Some("0.01 was read as 0.01%; write 1% if a share of one was meant"),
        );
        check("100", Quantity::Rate, None, "100mbit", Some("100 was read as 100mbit"));
        check("10000000", Quantity::Rate, None, "10mbit", Some("10000000 was read as 10mbit"));
        check("\"100Mbps\"", Quantity::Rate, None, "100mbit", Some("100mbps was read as 100mbit"));
    }

    #[test]
    fn units_in_the_value_or_the_key_leave_no_doubt() {
        check("\"10 ms\"", Quantity::Time, None, "10ms", None);
        check("250", Quantity::Time, Some("us"), "250us", None);
        check("\"1.5%\"", Quantity::Percent, None, "1.5%", None);
        check("\"100 Mbit/s\"", Quantity::Rate, None, "100mbit", None);
        check("1000", Quantity::Count, None, "1000", None);
    }

    #[test]
    fn what_is_no_quantity_is_not_guessed_at() {
        check("\"fast\"", Quantity::Time, None, "", None);
        check("-1", Quantity::Time, None, "", None);
        check("true", Quantity::Percent, None, "", None);
        check("200", Quantity::Percent, None, "", None);
        check("\"10 parsecs\"", Quantity::Rate, None, "", None);
    }
}
