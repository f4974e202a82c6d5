//! What may stand where in a file: the JSON Schema of the structs, in a form that a stream of events can be held against.

use std::sync::LazyLock;

use indexmap::IndexMap;
use rustc_hash::FxHashMap;
use serde_json::Value;

/// A place in [`Shapes`].
pub(super) type ShapeId = usize;

/// All shapes of a document; the first is the document itself.
pub(super) struct Shapes(Vec<Shape>);

/// What may stand at one place.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// Anything, and it is not looked into.
    pub any: bool,
    /// Nothing at all: an empty value or `null`.
    pub null: bool,
    /// A text, or any scalar read as text.
    pub text: bool,
    /// One of these words.
    pub words: Vec<String>,
    /// A whole number within these bounds.
    pub number: Option<(u64, u64)>,
    /// `true` or `false`.
    pub truth: bool,
    /// A list of such.
    pub items: Option<ShapeId>,
    /// A mapping.
    pub map: Option<MapShape>,
}

/// What may stand in a mapping.
#[derive(Debug, Default)]
pub(super) struct MapShape {
    /// Under its fixed keys.
    pub keys: IndexMap<String, ShapeId>,
    /// Under any other key: it is a mapping of names.
    pub names: Option<ShapeId>,
    /// Keys without which it means nothing.
    pub required: Vec<String>,
}

/// The shapes of a topology file.
pub(super) fn shapes() -> &'static Shapes {
    static SHAPES: LazyLock<Shapes> = LazyLock::new(|| Shapes::of(&super::schema::of_spec()));
    &SHAPES
}

impl Shapes {
    fn of(schema: &Value) -> Self {
        let mut building = Building { schema, shapes: Vec::new(), defs: FxHashMap::default() };
        building.shape(schema);
        Shapes(building.shapes)
    }

    /// The shape at this place.
    pub fn at(&self, id: ShapeId) -> &Shape {
        &self.0[id]
    }
}

struct Building<'a> {
    schema: &'a Value,
    shapes: Vec<Shape>,
    defs: FxHashMap<&'a str, ShapeId>,
}

impl<'a> Building<'a> {
    fn shape(&mut self, schema: &'a Value) -> ShapeId {
        if let Some(name) = only_reference(schema) {
            if let Some(&known) = self.defs.get(name) {
                return known;
            }
            let id = self.empty();
            self.defs.insert(name, id);
            self.fill(id, &self.schema["$defs"][name]);
            return id;
        }
        let id = self.empty();
        self.fill(id, schema);
        id
    }

    fn empty(&mut self) -> ShapeId {
        self.shapes.push(Shape::default());
        self.shapes.len() - 1
    }

    fn fill(&mut self, id: ShapeId, schema: &'a Value) {
        if schema.as_bool() == Some(true) || schema.as_object().is_some_and(serde_json::Map::is_empty) {
            self.shapes[id].any = true;
        }
        if let Some(name) = reference(schema) {
            self.fill(id, &self.schema["$defs"][name]);
        }
        for key in ["anyOf", "oneOf", "allOf"] {
            for one in schema[key].as_array().into_iter().flatten() {
                self.fill(id, one);
            }
        }
        let words = schema["enum"].as_array().into_iter().flatten().chain(schema.get("const"));
        let words: Vec<String> = words.filter_map(|w| w.as_str().map(str::to_owned)).collect();
        let types = match &schema["type"] {
            Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
            Value::String(one) => vec![one.as_str()],
            _ => Vec::new(),
        };
        for kind in types {
            match kind {
                "null" => self.shapes[id].null = true,
                "string" if words.is_empty() => self.shapes[id].text = true,
                "integer" => self.shapes[id].number = Some(bounds(schema)),
                "boolean" => self.shapes[id].truth = true,
                "array" => {
                    let items = self.shape(&schema["items"]);
                    self.shapes[id].items = Some(items);
                }
                "object" => {
                    let map = self.map(schema);
                    self.shapes[id].map = Some(map);
                }
                _ => {}
            }
        }
        self.shapes[id].words.extend(words);
    }

    fn map(&mut self, schema: &'a Value) -> MapShape {
        let mut map = MapShape::default();
        for (key, one) in schema["properties"].as_object().into_iter().flatten() {
            let id = self.shape(one);
            map.keys.insert(key.clone(), id);
        }
        if let Some(names @ Value::Object(_)) = schema.get("additionalProperties") {
            map.names = Some(self.shape(names));
        }
        let required = schema["required"].as_array().into_iter().flatten();
        map.required = required.filter_map(|k| k.as_str().map(str::to_owned)).collect();
        map
    }
}

fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/$defs/")
}

/// The definition that a schema is, if it says no more than that (a description is no more).
fn only_reference(schema: &Value) -> Option<&str> {
    schema.as_object()?.keys().all(|k| k == "$ref" || k == "description").then(|| reference(schema))?
}

fn bounds(schema: &Value) -> (u64, u64) {
    let greatest = if schema["format"] == "uint32" { u64::from(u32::MAX) } else { u64::MAX };
    (schema["minimum"].as_u64().unwrap_or(0), schema["maximum"].as_u64().unwrap_or(greatest))
}
