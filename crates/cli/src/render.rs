//! Values as text for people, programs and other tools. Nothing here prints.

pub mod dot;
pub mod json;
pub mod mermaid;
pub mod sh;
#[cfg(test)]
mod spread;
pub mod table;
pub mod text;
