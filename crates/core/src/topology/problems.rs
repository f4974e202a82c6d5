//! The problems that a check gathers: each is told once, in the order in which it was found.

use rustc_hash::FxHashSet;

use crate::problem::{Code, Place, Problem};
use crate::suggest::nearest;

/// So many unknown names are looked up among the known ones; a file with more has another problem.
const MOST_SUGGESTED: usize = 50;

#[derive(Default)]
pub(super) struct Problems {
    list: Vec<Problem>,
    told: FxHashSet<(Code, Option<Place>, String)>,
    suggested: usize,
}

impl Problems {
    pub fn push(&mut self, problem: Problem) {
        if self.told.insert((problem.code, problem.at.clone(), problem.message.clone())) {
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

    pub fn into_list(self) -> Vec<Problem> {
        self.list
    }
}
