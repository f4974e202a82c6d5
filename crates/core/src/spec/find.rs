//! Finding a place in a text by its path, by a pass over its events that stops there.

use saphyr_parser::{Event, Parser, Span};

use super::text::CharAt;
use super::variables::expand;
use crate::problem::{Place, Step};

/// First byte and number of bytes of a place. Of a value that is no scalar, its key; where the path leads nowhere, the last place on its way.
pub(super) fn find(text: &str, place: &Place, variable: &mut dyn FnMut(&str) -> Option<String>) -> (usize, usize) {
    let span = seek(text, place, variable).unwrap_or_default();
    CharAt::new(text).token(span.start.index(), span.end.index())
}

/// A collection on the way.
enum Frame {
    Map { key: bool },
    Seq { index: usize },
}

fn seek(text: &str, place: &Place, variable: &mut dyn FnMut(&str) -> Option<String>) -> Option<Span> {
    let path = &place.path;
    // How many steps of the path have been found, the collection whose next step is sought, and how deep other collections are open.
    let (mut found, mut frame, mut depth): (usize, Option<Frame>, usize) = (0, None, 0);
    let mut best: Option<Span> = None;
    // True when the value that comes next is the one that the path leads to.
    let mut here = true;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.ok()?;
        let opens = match &event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if depth == 0 {
                    return best;
                }
                depth -= 1;
                if depth == 0 {
                    frame = after_value(frame);
                }
                continue;
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => true,
            Event::Scalar(..) | Event::Alias(_) => false,
        };
        if depth > 0 {
            depth += usize::from(opens);
            continue;
        }
        if let (Some(Frame::Map { key: true }), Event::Scalar(raw, ..)) = (&frame, &event) {
            let Step::Key(wanted) = &path[found] else { return best };
            let same = **raw == **wanted || expand(raw, variable).is_ok_and(|text| *text == **wanted);
            if same {
                (here, found) = (true, found + 1);
                best = Some(span);
                if place.is_name && found == path.len() {
                    return best;
                }
            }
            frame = Some(Frame::Map { key: false });
            continue;
        }
        let next = path.get(found);
        if matches!((&frame, next), (Some(Frame::Seq { index }), Some(Step::Index(wanted))) if !here && index == wanted)
        {
            (here, found) = (true, found + 1);
            best = Some(span);
        }
        if here {
            here = false;
            let last = found == path.len();
            frame = match event {
                Event::Scalar(..) if span.is_empty() => return best.or(Some(span)),
                Event::Scalar(..) | Event::Alias(_) => return Some(span),
                _ if last => return best.or(Some(span)),
                Event::MappingStart(..) => Some(Frame::Map { key: true }),
                _ => Some(Frame::Seq { index: 0 }),
            };
        } else if opens {
            depth = 1;
        } else {
            frame = after_value(frame);
        }
    }
    best
}

fn after_value(frame: Option<Frame>) -> Option<Frame> {
    frame.map(|f| match f {
        // A key that is a collection ends here as a value does.
        Frame::Map { key } => Frame::Map { key: !key },
        Frame::Seq { index } => Frame::Seq { index: index + 1 },
    })
}
