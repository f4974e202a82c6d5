//! A pass over the events of a YAML text that knows where everything stands: keys that are unknown or there twice, values of the wrong kind.

use std::borrow::Cow;

use rustc_hash::FxHashSet;
use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::anchors::Anchors;
use super::codes;
use super::edits::{Edit, Edits, quoted};
use super::shape::{Shape, ShapeId, shapes};
use super::syntax;
use super::text::{CharAt, is_null, is_truth, reads_as_no_text};
use super::variables;
use super::wording;
use crate::problem::{Code, Place, Problem, Step};
use crate::suggest::nearest;

/// Deeper than any topology is; serde_yaml stops at 128.
const DEEPEST: usize = 64;

/// What a pass has found.
pub(super) struct Scanned {
    /// All that is wrong.
    pub problems: Vec<Problem>,
    /// The text with variables put in, and with what is wrong made harmless, so that the rest can be read; none if that is the text itself.
    pub text: Option<String>,
    /// False: there is no reading it at all.
    pub readable: bool,
}

/// Goes over a source. `variable` gives the value of a variable.
pub(super) fn scan(source: usize, text: &str, variable: &mut dyn FnMut(&str) -> Option<String>) -> Scanned {
    let mut scan = Scan {
        source,
        text,
        chars: CharAt::new(text),
        variable,
        stack: Vec::new(),
        skip: None,
        anchors: Anchors::default(),
        last_end: 0,
        replaying: false,
        documents: 0,
        problems: Vec::new(),
        edits: Edits::default(),
    };
    let mut readable = true;
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => match scan.event(event, span) {
                Ok(()) => {}
                Err(Stop) => {
                    readable = false;
                    break;
                }
            },
            Err(error) => {
                let byte = scan.chars.byte(error.marker().index());
                scan.problems.push(syntax::problem(source, text, byte, error.info()));
                readable = false;
                break;
            }
        }
    }
    if readable && scan.documents == 0 {
        let place = Place { source, ..Place::default() };
        let empty = Problem::at(codes::DOCUMENTS, &place, "the file is empty");
        scan.problems.push(empty.hint("write at least `name:` and `nodes:`"));
        readable = false;
    }
    Scanned { text: scan.edits.apply(text), problems: scan.problems, readable }
}

/// The pass cannot go on.
struct Stop;

struct Scan<'i, 'v> {
    source: usize,
    text: &'i str,
    chars: CharAt<'i>,
    variable: &'v mut dyn FnMut(&str) -> Option<String>,
    stack: Vec<Frame<'i>>,
    /// Set while a value is passed over.
    skip: Option<Skip>,
    anchors: Anchors<'i>,
    /// Where the last thing that is more than a mark of indentation ended, in characters.
    last_end: usize,
    /// True while an alias repeats what its anchor stands for.
    replaying: bool,
    documents: usize,
    problems: Vec<Problem>,
    edits: Edits,
}

/// A collection that is open.
enum Frame<'i> {
    Map { shape: ShapeId, seen: FxHashSet<Cow<'i, str>>, key: Option<KeyAt<'i>> },
    Seq { items: ShapeId, index: usize },
}

/// A key whose value comes next.
struct KeyAt<'i> {
    key: Cow<'i, str>,
    /// None: the value is passed over.
    shape: Option<ShapeId>,
    /// In characters.
    end: usize,
}

/// A value that is passed over.
struct Skip {
    /// How many collections are open in it.
    depth: usize,
    what: Skipped,
}

/// What is passed over.
enum Skipped {
    /// A key that is none; its value comes next.
    Key,
    /// A value.
    Value,
    /// A value that has to be replaced by this text, from there on (in characters).
    Wrong(usize, String),
}

impl<'i> Scan<'i, '_> {
    fn event(&mut self, event: Event<'i>, span: Span) -> Result<(), Stop> {
        if !self.replaying {
            self.anchors.record(&event, span);
            if !span.is_empty() && !matches!(event, Event::DocumentStart(_) | Event::DocumentEnd) {
                self.last_end = span.end.index();
            }
        }
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents == 1 {
                    return Ok(());
                }
                self.tell_at(codes::DOCUMENTS, span, "a second document begins here", Some("keep one document a file"));
                Err(Stop)
            }
            Event::MappingEnd | Event::SequenceEnd => {
                self.close();
                Ok(())
            }
            Event::Alias(_) | Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..) => {
                self.node(event, span)
            }
        }
    }

    /// A key, or a value's beginning.
    fn node(&mut self, event: Event<'i>, span: Span) -> Result<(), Stop> {
        let opens = matches!(event, Event::SequenceStart(..) | Event::MappingStart(..));
        if let Some(skip) = &mut self.skip {
            skip.depth += usize::from(opens);
            self.end_skip();
            return Ok(());
        }
        if let Some(Frame::Map { key: None, .. }) = self.stack.last() {
            self.key(event, span);
            return Ok(());
        }
        let shape = match self.stack.last() {
            None => Some(0),
            Some(Frame::Map { key, .. }) => key.as_ref().and_then(|k| k.shape),
            Some(Frame::Seq { items, .. }) => Some(*items),
        };
        let Some(shape) = shape.filter(|&s| !shapes().at(s).any) else {
            self.pass_over(opens, Skipped::Value);
            return Ok(());
        };
        if self.stack.len() >= DEEPEST {
            self.tell_at(codes::SYNTAX, span, "this is nested too deeply", None);
            return Err(Stop);
        }
        match event {
            Event::Alias(anchor) => self.alias(anchor, span),
            event => {
                self.value(event, span, shape);
                Ok(())
            }
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Stop> {
        let events = match self.anchors.repeat(anchor) {
            Ok(events) => events,
            Err(why) => {
                self.tell_at(codes::SYNTAX, span, why, None);
                return Err(Stop);
            }
        };
        let outer = std::mem::replace(&mut self.replaying, true);
        for (event, span) in events.iter() {
            self.event(event.clone(), *span)?;
        }
        self.replaying = outer;
        Ok(())
    }

    fn key(&mut self, event: Event<'i>, span: Span) {
        let Event::Scalar(raw, ..) = event else {
            let opens = matches!(event, Event::SequenceStart(..) | Event::MappingStart(..));
            let hint = Some("put quotes round a name that begins with `{` or `[`, as in \"{a,b}\"");
            self.tell_at(codes::KIND, span, "a key is a plain text, not a list, a mapping or an alias", hint);
            return self.pass_over(opens, Skipped::Key);
        };
        let key = self.expanded(raw, span, false);
        let Some(Frame::Map { shape, seen, .. }) = self.stack.last_mut() else { return };
        let (shape, twice) = (*shape, !seen.insert(key.clone()));
        let map = shapes().at(shape).map.as_ref().expect("a frame is made for a mapping's shape only");
        let fixed = map.keys.get(&*key).copied();
        let extension = map.names.is_none() && key.starts_with("x-");
        let value = fixed.or(map.names);
        self.set_key(KeyAt { key: key.clone(), shape: value, end: span.end.index() });
        if twice && !extension {
            let hint = "take one of them away; the last one would win silently";
            self.tell_at(codes::TWICE, span, &format!("`{key}` is written twice"), Some(hint));
            if fixed.is_some() {
                self.edit(span.start.index(), span.end.index(), quoted(&format!("x-{}-{key}", span.start.index())));
            }
        } else if value.is_none() && !extension {
            let (message, hint) = wording::unknown_key(&key, map, nearest(&key, map.keys.keys().map(String::as_str)));
            self.tell_at(codes::UNKNOWN_KEY, span, &message, Some(&hint));
        }
    }

    fn value(&mut self, event: Event<'i>, span: Span, id: ShapeId) {
        let shape = shapes().at(id);
        if let Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_)) =
            event
        {
            self.tell_at(codes::SYNTAX, span, "tags mean nothing here", Some("take the word with `!` away"));
        }
        match event {
            Event::Scalar(raw, style, ..) => {
                self.scalar(raw, style, span, shape);
                self.step();
            }
            Event::SequenceStart(..) => match shape.items {
                Some(items) => self.stack.push(Frame::Seq { items, index: 0 }),
                None => self.wrong(span, shape, "a list", true),
            },
            Event::MappingStart(..) => match shape.map {
                Some(_) => self.stack.push(Frame::Map { shape: id, seen: FxHashSet::default(), key: None }),
                None => self.wrong(span, shape, "a mapping", true),
            },
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::Alias(_)
            | Event::SequenceEnd
            | Event::MappingEnd => {}
        }
    }

    fn scalar(&mut self, raw: Cow<'i, str>, style: ScalarStyle, span: Span, shape: &Shape) {
        let plain = style == ScalarStyle::Plain;
        let variable = raw.contains('$');
        // A variable may stand for a number or a truth value though the file's syntax wants quotes round it.
        let no_text = shape.number.is_some() || shape.truth && !shape.text;
        let text = self.expanded(raw, span, no_text);
        let plain = plain || (variable && no_text);
        if plain && is_null(&text) && (shape.null || !shape.text) {
            if !shape.null {
                self.wrong(span, shape, "nothing", false);
            }
            return;
        }
        let number = plain.then(|| wording::whole_number(&text)).flatten();
        match (shape.number, number) {
            (Some((least, most)), Some(n)) if (least..=most).contains(&n) => return,
            (Some((least, most)), Some(_)) if !shape.text => {
                return self.wrong(span, shape, &format!("`{text}`: it can be {least} to {most}"), false);
            }
            _ => {}
        }
        if shape.text {
            if plain && !variable && (shape.items.is_some() || shape.map.is_some()) && reads_as_no_text(&text) {
                self.edit(span.start.index(), span.end.index(), quoted(&text));
            }
            return;
        }
        if shape.words.iter().any(|w| *w == *text) || shape.truth && plain && is_truth(&text) {
            return;
        }
        if shape.words.is_empty()
            || shape.map.is_some() && nearest(&text, shape.words.iter().map(String::as_str)).is_none()
        {
            return self.wrong(span, shape, &format!("`{text}`"), false);
        }
        let place = self.place();
        let hint = match nearest(&text, shape.words.iter().map(String::as_str)) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("write {}", crate::suggest::any_of(shape.words.iter().map(String::as_str))),
        };
        let message = format!("{} cannot be `{text}`", wording::label(&place));
        self.problems.push(Problem::at(codes::WORD, &place, message).hint(hint));
        self.replace_value(span.start.index(), shape, false);
    }

    /// The text of a scalar with its variables put in; the edit that makes it so is kept: without quotes where that is `no_text`.
    fn expanded(&mut self, raw: Cow<'i, str>, span: Span, no_text: bool) -> Cow<'i, str> {
        if !raw.contains('$') {
            return raw;
        }
        match variables::expand(&raw, self.variable) {
            Ok(text) if *text == *raw => raw,
            Ok(text) => {
                let text = text.into_owned();
                let as_is = no_text && (wording::whole_number(&text).is_some() || is_truth(&text));
                self.edit(span.start.index(), span.end.index(), if as_is { text.clone() } else { quoted(&text) });
                Cow::Owned(text)
            }
            Err(error) => {
                let hint = match &error {
                    variables::VariableError::Unset(name) => {
                        format!("set it under `vars:`, or write `${{{name}:-default}}`")
                    }
                    variables::VariableError::Open | variables::VariableError::Malformed(_) => {
                        "write `$$` for a `$` that begins no variable".to_owned()
                    }
                };
                self.tell_at(codes::VARIABLE, span, &error.to_string(), Some(&hint));
                raw
            }
        }
    }

    /// A value of the wrong kind: tells it and passes over it.
    fn wrong(&mut self, span: Span, shape: &Shape, found: &str, opens: bool) {
        let place = self.place();
        let (message, hint) = wording::wrong_kind(&place, shape, found);
        let mut problem = Problem::at(codes::KIND, &place, message);
        problem.hint = hint;
        self.problems.push(problem);
        self.replace_value(span.start.index(), shape, opens);
    }

    /// Puts something harmless in the place of the value that begins here, so that the rest can be read.
    fn replace_value(&mut self, start: usize, shape: &Shape, opens: bool) {
        let harmless = wording::harmless(shape);
        let instead = match self.stack.last() {
            Some(Frame::Map { key: Some(key), .. }) => (key.end, format!(": {harmless}")),
            Some(Frame::Map { key: None, .. } | Frame::Seq { .. }) | None => (start, harmless.to_owned()),
        };
        if opens {
            self.pass_over(true, Skipped::Wrong(instead.0, instead.1));
        } else {
            self.edit(instead.0, self.last_end.max(start), instead.1);
        }
    }

    fn pass_over(&mut self, opens: bool, what: Skipped) {
        self.skip = Some(Skip { depth: usize::from(opens), what });
        self.end_skip();
    }

    fn end_skip(&mut self) {
        let Some(skip) = self.skip.take_if(|s| s.depth == 0) else { return };
        match skip.what {
            Skipped::Key => self.set_key(KeyAt { key: "?".into(), shape: None, end: self.last_end }),
            Skipped::Value => self.step(),
            Skipped::Wrong(start, text) => {
                self.edit(start, self.last_end, text);
                self.step();
            }
        }
    }

    fn close(&mut self) {
        if let Some(skip) = &mut self.skip {
            skip.depth -= 1;
            return self.end_skip();
        }
        if let Some(Frame::Map { shape, seen, .. }) = self.stack.last() {
            let map = shapes().at(*shape).map.as_ref().expect("a frame is made for a mapping's shape only");
            let missing: Vec<&String> = map.required.iter().filter(|k| !seen.contains(k.as_str())).collect();
            self.stack.pop();
            for key in missing {
                let place = self.place();
                let missing = Problem::at(codes::MISSING, &place, format!("`{key}` is missing here"));
                self.problems.push(missing.hint(format!("write `{key}: …`")));
            }
        } else {
            self.stack.pop();
        }
        self.step();
    }

    /// A value is complete.
    fn step(&mut self) {
        match self.stack.last_mut() {
            Some(Frame::Map { key, .. }) => *key = None,
            Some(Frame::Seq { index, .. }) => *index += 1,
            None => {}
        }
    }

    fn set_key(&mut self, at: KeyAt<'i>) {
        if let Some(Frame::Map { key, .. }) = self.stack.last_mut() {
            *key = Some(at);
        }
    }

    /// Changes what stands between two characters, but for white space at its end.
    fn edit(&mut self, start: usize, end: usize, instead: String) {
        if !self.replaying {
            let (start, end) = (self.chars.byte(start), self.chars.byte(end));
            let end = start + self.text[start..end.max(start)].trim_end().len();
            self.edits.push(Edit { start, end, text: instead });
        }
    }

    fn tell_at(&mut self, code: Code, span: Span, message: &str, hint: Option<&str>) {
        let mut place = self.place();
        place.span = Some(self.chars.token(span.start.index(), span.end.index()));
        let mut problem = Problem::at(code, &place, message);
        problem.hint = hint.map(str::to_owned);
        self.problems.push(problem);
    }

    fn place(&self) -> Place {
        let steps = self.stack.iter().filter_map(|frame| match frame {
            Frame::Map { key, .. } => key.as_ref().map(|k| Step::Key((*k.key).into())),
            Frame::Seq { index, .. } => Some(Step::Index(*index)),
        });
        Place { source: self.source, path: steps.collect(), ..Place::default() }
    }
}
