//! What anchors stand for, so that an alias can be held against the place where it stands.

use std::rc::Rc;

use rustc_hash::FxHashMap;
use saphyr_parser::{Event, Span};

/// How many events aliases may repeat in all: a file that says more by less is not written by a person.
const MOST_REPEATED: usize = 100_000;

/// The events of one value.
pub(super) type Events<'i> = Vec<(Event<'i>, Span)>;

/// What anchors stand for.
#[derive(Default)]
pub(super) struct Anchors<'i> {
    /// By the anchor's number.
    done: FxHashMap<usize, Rc<Events<'i>>>,
    /// The anchor's number, how many collections are open in it, and its events so far.
    open: Vec<(usize, usize, Events<'i>)>,
    /// How many events aliases have repeated so far.
    repeated: usize,
}

impl<'i> Anchors<'i> {
    /// Takes an event down for every anchor that is open or opened by it.
    pub fn record(&mut self, event: &Event<'i>, span: Span) {
        let (anchor, opens, closes) = match event {
            Event::Scalar(_, _, anchor, _) => (*anchor, false, false),
            Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => (*anchor, true, false),
            Event::SequenceEnd | Event::MappingEnd => (0, false, true),
            Event::Alias(_) => (0, false, false),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                return;
            }
        };
        if anchor > 0 {
            self.open.push((anchor, 0, Vec::new()));
        }
        for (_, depth, events) in &mut self.open {
            events.push((event.clone(), span));
            *depth = *depth + usize::from(opens) - usize::from(closes);
        }
        while let Some((_, 0, _)) = self.open.last() {
            let (anchor, _, events) = self.open.pop().expect("just seen");
            self.done.insert(anchor, Rc::new(events));
        }
    }
    /// The events that an alias repeats.
    pub fn repeat(&mut self, anchor: usize) -> Result<Rc<Events<'i>>, &'static str> {
        let events = self.done.get(&anchor).cloned().ok_or("an alias stands inside of what it names")?;
        self.repeated += events.len();
        if self.repeated > MOST_REPEATED { Err("aliases repeat too much") } else { Ok(events) }
    }
}
