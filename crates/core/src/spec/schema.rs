//! The JSON Schema of topology files.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::Spec;

/// The schema of what is read once variables have their values.
pub(super) fn of_spec() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Spec>().to_value()
}

/// The schema of what is written: wherever a number, a truth value or a word is wanted, a `${VARIABLE}` may stand for it.
pub(super) fn of_file() -> Value {
    let mut schema = of_spec();
    let definitions = schema.get_mut("$defs").and_then(Value::as_object_mut);
    for definition in definitions.into_iter().flat_map(|d| d.values_mut()) {
        allow_variables(definition);
    }
    schema
}

fn allow_variables(schema: &mut Value) {
    let variable = || json!({ "type": "string", "pattern": r"\$\{", "description": "A text with a variable in it." });
    if let Some(words) = schema.get_mut("oneOf").and_then(Value::as_array_mut)
        && words.iter().all(|w| w.get("const").is_some())
    {
        words.push(variable());
    }
    for property in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flat_map(|p| p.values_mut())
    {
        if is_no_text(property) {
            let description = property.get("description").cloned();
            *property = json!({ "anyOf": [property.take(), variable()], "description": description });
        }
    }
}

fn is_no_text(schema: &Value) -> bool {
    let is = |kind: &Value| kind == "integer" || kind == "number" || kind == "boolean";
    schema.get("type").is_some_and(|kind| is(kind) || kind.as_array().is_some_and(|kinds| kinds.iter().any(is)))
}
