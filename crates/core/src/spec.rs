//! The topology file: from YAML text to the structs that it is made of.

use crate::problem::{Place, Problem, Step};

mod anchors;
mod codes;
mod edits;
mod find;
mod head;
mod named;
mod places;
mod schema;
mod shape;
mod sources;
mod syntax;
mod text;
mod variables;
mod wording;
pub mod written;

pub use sources::{Source, Sources, Spot, load};
pub use written::Spec;

/// The JSON Schema of a topology file (draft 2020-12), made from the structs that it is read into.
pub fn schema() -> serde_json::Value {
    schema::of_file()
}

/// Reads a text whose keys and kinds of values have been looked at.
fn read(source: usize, text: &str) -> Result<Spec, Problem> {
    match serde_yaml::from_str::<Spec>(text) {
        Ok(mut spec) => {
            spec.source = source;
            Ok(spec)
        }
        Err(error) => Err(unread(source, text, &error)),
    }
}

/// What is wrong in a text that cannot be read: a second, slower reading tells the path.
fn unread(source: usize, text: &str, error: &serde_yaml::Error) -> Problem {
    let path = match serde_path_to_error::deserialize::<_, Spec>(serde_yaml::Deserializer::from_str(text)) {
        Ok(_) => Vec::new(),
        Err(error) => error.path().iter().filter_map(step).collect(),
    };
    if path.is_empty() {
        let byte = error.location().map_or(0, |l| l.index());
        return syntax::problem(source, text, byte, &error.to_string());
    }
    let place = Place { source, path: path.into(), ..Place::default() };
    let message = error.to_string();
    let message = message.split_once(" at line ").map_or(message.as_str(), |(m, _)| m);
    Problem::at(codes::KIND, &place, message)
}

fn step(segment: &serde_path_to_error::Segment) -> Option<Step> {
    match segment {
        serde_path_to_error::Segment::Seq { index } => Some(Step::Index(*index)),
        serde_path_to_error::Segment::Map { key } => Some(Step::Key(key.as_str().into())),
        serde_path_to_error::Segment::Enum { variant } => Some(Step::Key(variant.as_str().into())),
        serde_path_to_error::Segment::Unknown => None,
    }
}
