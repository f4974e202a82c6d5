//! Interfaces that stand on themselves, by way of others.

use super::super::codes;
use super::{Named, Stack};

/// How far the walk down from an interface has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Walk {
    Unseen,
    Open,
    Done,
}

pub(super) fn check(stack: &mut Stack) {
    let mut walks = vec![Walk::Unseen; stack.count()];
    for start in 0..stack.count() {
        // Each open interface, and how many of those beneath it have been looked at.
        let mut open = vec![(start, 0)];
        while let Some((n, done)) = open.last_mut() {
            let n = *n;
            if walks[n] == Walk::Done {
                open.pop();
                continue;
            }
            walks[n] = Walk::Open;
            let beneath = stack.own(n).kind.beneath().get(*done).and_then(|name| stack.names.get(*name)).copied();
            let last = *done >= stack.own(n).kind.beneath().len();
            *done += 1;
            match beneath {
                Some(Named::Own(below)) if walks[below] == Walk::Open => {
                    let (own, other) = (stack.own(n), stack.own(below));
                    let message = format!("`{}` stands on `{}`, which stands on it", own.name, other.name);
                    let at = own.at.clone();
                    stack.tell(codes::PARENT, &at, message, "name an interface that a link makes");
                }
                Some(Named::Own(below)) => open.push((below, 0)),
                Some(Named::End(..)) | None if last => {
                    walks[n] = Walk::Done;
                    open.pop();
                }
                Some(Named::End(..)) | None => {}
            }
        }
    }
}
