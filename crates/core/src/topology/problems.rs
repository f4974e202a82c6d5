//! The problems that a check gathers: each is told once, in the order in which it was found.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::problem::{Code, Place, Problem};
use crate::suggest::nearest;

/// So many problems of one kind are told of one place: a range that stands for a thousand nodes is one mistake.
const MOST_AT_A_PLACE: usize = 3;

/// So many unknown names are looked up among the known ones; a file with more has another problem.
const MOST_SUGGESTED: usize = 50;

#[derive(Default)]
pub(super) struct Problems {
    list: Vec<Problem>,
    told: FxHashSet<(Code, Option<Place>, String)>,
    /// How many of a kind at a place, and which of the list was the last one told.
    counts: FxHashMap<(Code, Option<Place>), (usize, usize)>,
    suggested: usize,
}

impl Problems {
    pub fn push(&mut self, problem: Problem) {
        if !self.told.insert((problem.code, problem.at.clone(), problem.message.clone())) {
            return;
        }
        let (count, last) = self.counts.entry((problem.code, problem.at.clone())).or_default();
        *count += 1;
        if *count <= MOST_AT_A_PLACE || problem.at.is_none() {
            *last = self.list.len();
            self.list.push(problem);
        }
    }

    pub fn tell(&mut self, code: Code, at: &Place, message: impl Into<String>, hint: &str) {
        self.push(Problem::at(code, at, message).hint(hint));
    }

    /// An unknown name, with the known one that was most likely meant.
    pub fn unknown<'a>(
        &mut self,
        code: Code,
        at: &Place,
        message: String,
        name: &str,
        known: impl Iterator<Item = &'a str>,
        otherwise: &str,
    ) {
        self.suggested += 1;
        let meant = (self.suggested <= MOST_SUGGESTED).then(|| nearest(name, known)).flatten();
        let hint = meant.map_or_else(|| otherwise.to_owned(), |m| format!("did you mean `{m}`?"));
        self.push(Problem::at(code, at, message).hint(hint));
    }

    pub fn into_list(mut self) -> Vec<Problem> {
        for ((_, at), (count, last)) in self.counts {
            if count > MOST_AT_A_PLACE && at.is_some() {
                let more = format!(" (and {} more like this)", count - MOST_AT_A_PLACE);
                self.list[last].message.push_str(&more);
            }
        }
        self.list
    }
}
