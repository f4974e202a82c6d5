//! Tables as `ovs-vsctl --format=json` prints them, in OVSDB's notation of values (RFC 7047 §5.1).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::rows::Uuid;

/// A table: one JSON value a line of output.
#[derive(Debug, Deserialize)]
pub(super) struct Table {
    headings: Vec<String>,
    data: Vec<Vec<Value>>,
}

/// What could not be read, in words.
pub(super) type Unreadable = String;

/// One row of a table.
pub(super) struct Line<'a> {
    headings: &'a [String],
    cells: &'a [Value],
}

/// The tables in this output, in its order.
pub(super) fn tables(output: &str) -> Result<Vec<Table>, Unreadable> {
    serde_json::Deserializer::from_str(output).into_iter().collect::<Result<_, _>>().map_err(|e| e.to_string())
}

impl Table {
    pub(super) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        self.data.iter().map(|cells| Line { headings: &self.headings, cells })
    }
}

impl Line<'_> {
    /// The value in a column.
    pub(super) fn read<T: Datum>(&self, column: &str) -> Result<T, Unreadable> {
        let at = self.headings.iter().position(|h| h == column);
        let cell = at.and_then(|at| self.cells.get(at)).ok_or_else(|| format!("there is no column {column}"))?;
        T::read(cell).ok_or_else(|| format!("column {column} has {cell}"))
    }
}

/// A Rust value that a column's value can be read as.
pub(super) trait Datum: Sized {
    fn read(value: &Value) -> Option<Self>;
}

/// A value that is one atom.
pub(super) trait Atom: Sized {
    fn read(value: &Value) -> Option<Self>;
}

impl Atom for String {
    fn read(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl Atom for i64 {
    fn read(value: &Value) -> Option<Self> {
        value.as_i64()
    }
}

impl Atom for bool {
    fn read(value: &Value) -> Option<Self> {
        value.as_bool()
    }
}

impl Atom for Uuid {
    fn read(value: &Value) -> Option<Self> {
        tagged(value, "uuid")?.as_str().map(|u| Uuid(u.into()))
    }
}

macro_rules! one_atom {
    ($($atom:ty),*) => {$(
        impl Datum for $atom {
            fn read(value: &Value) -> Option<Self> {
                Atom::read(value)
            }
        }
    )*};
}
one_atom!(String, i64, bool, Uuid);

/// A set of one is written as its atom.
impl<A: Atom + Ord> Datum for Vec<A> {
    fn read(value: &Value) -> Option<Self> {
        let Some(set) = tagged(value, "set") else { return Some(vec![A::read(value)?]) };
        let mut atoms: Vec<A> = set.as_array()?.iter().map(A::read).collect::<Option<_>>()?;
        atoms.sort();
        Some(atoms)
    }
}

/// A set of one at most.
impl<A: Atom + Ord> Datum for Option<A> {
    fn read(value: &Value) -> Option<Self> {
        let mut atoms = <Vec<A> as Datum>::read(value)?;
        let first = atoms.pop();
        atoms.is_empty().then_some(first)
    }
}

impl<K: Atom + Ord, V: Atom> Datum for BTreeMap<K, V> {
    fn read(value: &Value) -> Option<Self> {
        let pair = |pair: &Value| match pair.as_array()?.as_slice() {
            [key, value] => Some((K::read(key)?, V::read(value)?)),
            _ => None,
        };
        tagged(value, "map")?.as_array()?.iter().map(pair).collect()
    }
}

fn tagged<'a>(value: &'a Value, tag: &str) -> Option<&'a Value> {
    match value.as_array()?.as_slice() {
        [name, inner] if name == tag => Some(inner),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_shape_are_read_whatever_stands_beside_them() {
        let output = r#"
            {"data":[[["uuid","c415"],"a\"b",7,["set",[]],3,["map",[["k","v"]]],["set",[2,1]],"later",["map",[[0,["uuid","d"]]]],true]],
             "headings":["_uuid","name","n","none","some","map","set","newer","queues","up"]}
            {"data":[],"headings":["_uuid"]}"#;
        let tables = tables(output).expect("two tables");
        let line = tables[0].lines().next().expect("a row");
        assert_eq!(line.read::<Uuid>("_uuid"), Ok(Uuid("c415".into())));
        assert_eq!(line.read::<String>("name"), Ok("a\"b".into()));
        assert_eq!(line.read::<i64>("n"), Ok(7));
        assert_eq!(line.read::<Option<i64>>("none"), Ok(None));
        assert_eq!(line.read::<Option<i64>>("some"), Ok(Some(3)));
        assert_eq!(line.read::<BTreeMap<String, String>>("map"), Ok([("k".into(), "v".into())].into()));
        assert_eq!(line.read::<Vec<i64>>("set"), Ok(vec![1, 2]));
        assert_eq!(line.read::<Vec<i64>>("some"), Ok(vec![3]));
        assert_eq!(line.read::<BTreeMap<i64, Uuid>>("queues"), Ok([(0, Uuid("d".into()))].into()));
        assert_eq!(line.read::<bool>("up"), Ok(true));
        assert_eq!(line.read::<bool>("name"), Err("column name has \"a\\\"b\"".into()));
        assert_eq!(line.read::<bool>("older"), Err("there is no column older".into()));
        assert_eq!(tables[1].lines().count(), 0);
    }
}
