//! What of a file has to be known before it can be read: its includes and its variables.

use saphyr_parser::{Event, Parser, Span};

use crate::problem::{Place, Step};

/// The includes and the variables of a file, as written, each with its place.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub include: Vec<(String, Place)>,
    pub vars: Vec<(String, String, Place)>,
}

/// Reads them. Whatever is wrong in the text is told by another pass.
pub(super) fn head(source: usize, text: &str) -> Head {
    let mut head = Head::default();
    if !(text.contains("include") || text.contains("vars")) {
        return head;
    }
    let mut depth = 0;
    let (mut top, mut inner): (Option<String>, Option<String>) = (None, None);
    for event in Parser::new_from_str(text) {
        let Ok((event, _)): Result<(Event<'_>, Span), _> = event else { break };
        let place = |steps: Vec<Step>| Place { source, path: steps.into(), ..Place::default() };
        match event {
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                depth += 1;
            }
            Event::MappingEnd | Event::SequenceEnd => {
                depth -= 1;
                match depth {
                    1 => top = None,
                    2 => inner = None,
                    _ => {}
                }
            }
            Event::Scalar(value, ..) => match (depth, top.as_deref(), inner.as_deref()) {
                (1, None, _) => top = Some(value.into_owned()),
                (1, Some(_), _) => top = None,
                (2, Some("include"), _) => {
                    let at = vec![Step::Key("include".into()), Step::Index(head.include.len())];
                    head.include.push((value.into_owned(), place(at)));
                }
                (2, Some("vars"), None) => inner = Some(value.into_owned()),
                (2, Some("vars"), Some(name)) => {
                    let at = vec![Step::Key("vars".into()), Step::Key(name.into())];
                    head.vars.push((name.to_owned(), value.into_owned(), place(at)));
                    inner = None;
                }
                _ => {}
            },
            Event::Alias(_) => match depth {
                1 => top = None,
                2 => inner = None,
                _ => {}
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {}
        }
    }
    head
}
