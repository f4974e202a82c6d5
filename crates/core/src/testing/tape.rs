//! Choices read from bytes, so that whoever makes the bytes can shrink them.

/// A row of choices; behind its end every choice is the first one.
#[derive(Debug, Clone)]
pub struct Tape<'a> {
    rest: &'a [u8],
}

impl<'a> Tape<'a> {
    /// From these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Tape { rest: bytes }
    }

    /// One of `0..n`, of which there is at least one; `n` is at most 256.
    pub fn pick(&mut self, n: usize) -> usize {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        usize::from(*first) % n
    }

    /// One of these; none if there is none.
    pub fn one_of<'b, T>(&mut self, of: &'b [T]) -> Option<&'b T> {
        if of.is_empty() { None } else { of.get(self.pick(of.len())) }
    }

    /// True with a chance of `n - 1` to 1.
    pub fn mostly(&mut self, n: usize) -> bool {
        self.pick(n) != 0
    }
}
