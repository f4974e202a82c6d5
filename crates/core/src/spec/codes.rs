//! The codes of what can be wrong in a file's text.

use crate::problem::Code;

/// A file cannot be read.
pub(super) const UNREADABLE: Code = Code(1);
/// The text is no YAML.
pub(super) const SYNTAX: Code = Code(2);
/// The file is empty, or has more than one document.
pub(super) const DOCUMENTS: Code = Code(3);
/// A key that means nothing there.
pub(super) const UNKNOWN_KEY: Code = Code(4);
/// A key that stands there twice.
pub(super) const TWICE: Code = Code(5);
/// A list where a text should be, a text where a number should be, and so on.
pub(super) const KIND: Code = Code(6);
/// A word that is not one of those that can stand there.
pub(super) const WORD: Code = Code(7);
/// A variable that is not set, or is none.
pub(super) const VARIABLE: Code = Code(8);
/// An include that closes a circle, or comes twice.
pub(super) const INCLUDE: Code = Code(9);
/// A key without which the mapping means nothing.
pub(super) const MISSING: Code = Code(10);
