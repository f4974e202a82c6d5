//! Variables: `${NAME}` and `${NAME:-default}` in a text, and `$$` for a `$`.

use std::borrow::Cow;

/// Why a text cannot be expanded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum VariableError {
    #[error("the variable `{0}` is not set")]
    Unset(String),
    #[error("`${{` has no closing `}}`")]
    Open,
    #[error(
        "`${{{0}}}` is no variable: a letter or `_` first, then letters, digits and `_`, then perhaps `:-` and a default"
    )]
    Malformed(String),
}

/// The text with its variables put in; a `$` before anything else stays as it is.
pub(super) fn expand<'t>(
    text: &'t str,
    value: &mut dyn FnMut(&str) -> Option<String>,
) -> Result<Cow<'t, str>, VariableError> {
    if !(text.contains("${") || text.contains("$$")) {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        out.push_str(&rest[..dollar]);
        rest = &rest[dollar + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            let (inside, after) = after.split_once('}').ok_or(VariableError::Open)?;
            out.push_str(&one(inside, value)?);
            rest = after;
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
    Ok(Cow::Owned(out))
}

fn one(inside: &str, value: &mut dyn FnMut(&str) -> Option<String>) -> Result<String, VariableError> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    if !is_name(name) {
        return Err(VariableError::Malformed(inside.to_owned()));
    }
    match (value(name), default) {
        (Some(text), None) => Ok(text),
        (Some(text), Some(_)) if !text.is_empty() => Ok(text),
        (_, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(VariableError::Unset(name.to_owned())),
    }
}

/// Whether a text can name a variable.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<&str, VariableError>) {
        let mut value = |name: &str| match name {
            "N" => Some("4".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        assert_eq!(expand(text, &mut value).as_deref(), expect.as_deref(), "{text}");
    }

    #[test]
    fn variables_are_put_in_once_and_defaults_where_they_are_unset_or_empty() {
        check("leaf[1-${N}]", Ok("leaf[1-4]"));
        check("${X:-7}${EMPTY:-8}${N:-9}", Ok("784"));
        check("${X:-}|${EMPTY}", Ok("|"));
        check("$$N $${N} $N $", Ok("$N ${N} $N $"));
        check("é${N}é", Ok("é4é"));
    }

    #[test]
    fn what_is_no_variable_is_told() {
        check("${X}", Err(VariableError::Unset("X".into())));
        check("${N", Err(VariableError::Open));
        check("${N-1}", Err(VariableError::Malformed("N-1".into())));
        check("${}", Err(VariableError::Malformed(String::new())));
    }
}
