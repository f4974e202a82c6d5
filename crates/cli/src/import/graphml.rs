//! GraphML as the Internet Topology Zoo has it, in both of its dialects: plain keys, and yEd's graphics.

use std::collections::HashMap;

use roxmltree::{Document, Node, ParsingOptions};

use super::naming::{Taken, valid};
use super::{Imported, ImportedLink, ImportedNode};

/// Why a file is no graph that can be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GraphmlError {
    /// It is no XML: what the parser says, with the position.
    Xml(String),
    /// It has no `<graph>`.
    NoGraph,
    /// An edge names a node that is not there.
    UnknownNode { line: u32, id: String },
}

/// What the `<key>` elements declare: identifier to name.
type Keys<'a> = HashMap<&'a str, &'a str>;

/// Reads GraphML; `fallback` names the lab where the file does not.
pub fn read(text: &str, fallback: &str) -> Result<Imported, GraphmlError> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let text = text.trim_start_matches('\u{feff}');
    let document = Document::parse_with_options(text, options).map_err(|e| GraphmlError::Xml(e.to_string()))?;
    let graph = document.descendants().find(|n| n.has_tag_name_any("graph")).ok_or(GraphmlError::NoGraph)?;
    let keys: Keys = document
        .descendants()
        .filter(|n| n.has_tag_name_any("key"))
        .filter_map(|k| Some((k.attribute("id")?, k.attribute("attr.name")?)))
        .collect();
    let mut warnings = Vec::new();
    let (nodes, ids) = nodes(graph, &keys);
    let links = links(&document, graph, &keys, &ids, &nodes, &mut warnings)?;
    if graph.descendants().any(|n| n.has_tag_name_any("hyperedge")) {
        warnings.push("hyperedges are left out".to_owned());
    }
    let name = [data(graph, &keys, "Network"), graph.attribute("id").filter(|id| *id != "G").map(str::to_owned)];
    let mut names = name.into_iter().flatten().chain([fallback.to_owned()]).map(|n| valid(&n));
    let name = names.find(|n| !n.is_empty()).unwrap_or_else(|| "imported".to_owned());
    Ok(Imported { name, nodes, links, warnings })
}

trait AnyNamespace {
    fn has_tag_name_any(&self, name: &str) -> bool;
}

impl AnyNamespace for Node<'_, '_> {
    /// Whether it is an element of this name, in whatever namespace: the files do not agree on one.
    fn has_tag_name_any(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}

fn nodes<'a>(graph: Node<'a, 'a>, keys: &Keys) -> (Vec<ImportedNode>, HashMap<&'a str, usize>) {
    let (mut nodes, mut ids, mut taken) = (Vec::new(), HashMap::new(), Taken::default());
    for node in graph.descendants().filter(|n| n.has_tag_name_any("node") && !is_folder(*n)) {
        let id = node.attribute("id").unwrap_or_default();
        let label = label(node, keys, "NodeLabel", "label");
        let wanted = label.as_deref().map(valid).filter(|n| !n.is_empty());
        let from_id = || Some(valid(id)).filter(|n| !n.is_empty()).unwrap_or_else(|| nodes.len().to_string());
        let name = taken.unique(wanted.unwrap_or_else(|| match from_id() {
            id if id.starts_with(|c: char| c.is_ascii_digit()) => format!("n{id}"),
            id => id,
        }));
        let degrees = |key| data(node, keys, key).filter(|d| d.parse::<f64>().is_ok_and(f64::is_finite));
        let at = degrees("Latitude").zip(degrees("Longitude")).map(|(lat, long)| [lat, long]);
        let label = label.filter(|l| *l != name && !l.is_empty());
        ids.insert(id, nodes.len());
        nodes.push(ImportedNode { name, label, at });
    }
    (nodes, ids)
}

/// A group of yEd's: a frame around other nodes.
fn is_folder(node: Node) -> bool {
    node.children().any(|c| c.has_tag_name_any("graph"))
}

fn links(
    document: &Document,
    graph: Node,
    keys: &Keys,
    ids: &HashMap<&str, usize>,
    nodes: &[ImportedNode],
    warnings: &mut Vec<String>,
) -> Result<Vec<ImportedLink>, GraphmlError> {
    let mut links = Vec::new();
    for edge in graph.descendants().filter(|n| n.has_tag_name_any("edge")) {
        let end = |attribute| {
            let id = edge.attribute(attribute).unwrap_or_default();
            let line = || document.text_pos_at(edge.range().start).row;
            ids.get(id).copied().ok_or_else(|| GraphmlError::UnknownNode { line: line(), id: id.to_owned() })
        };
        let ends = [end("source")?, end("target")?];
        match ends {
            [a, b] if a == b => {
                warnings.push(format!("the link of {} with itself is left out", nodes[a].name));
            }
            ends => links.push(ImportedLink { ends, label: label(edge, keys, "EdgeLabel", "LinkLabel") }),
        }
    }
    Ok(links)
}

/// What a node or an edge is called: by yEd's graphics, else by its data.
fn label(element: Node, keys: &Keys, drawn: &str, key: &str) -> Option<String> {
    let drawn = element.descendants().find(|n| n.has_tag_name_any(drawn)).map(text);
    drawn.filter(|l| !l.is_empty()).or_else(|| data(element, keys, key)).filter(|l| !l.is_empty())
}

/// The value of a `<data>` child by the name that its key declares.
fn data(element: Node, keys: &Keys, name: &str) -> Option<String> {
    let named = |d: &Node| d.attribute("key").and_then(|k| keys.get(k)).is_some_and(|n| n.eq_ignore_ascii_case(name));
    element.children().filter(|c| c.has_tag_name_any("data")).find(named).map(text)
}

/// An element's own text on one line.
fn text(element: Node) -> String {
    let own: String = element.children().filter(Node::is_text).filter_map(|t| t.text()).collect();
    own.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{GraphmlError, read};
    use crate::import::{Imported, ImportedLink, ImportedNode};

    #[test]
    fn names_links_and_places_come_out_of_the_plain_dialect() {
        let text = r#"<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
            <key attr.name="label" for="node" id="d1"/><key attr.name="Latitude" for="node" id="d2"/>
            <key attr.name="Longitude" for="node" id="d3"/><key attr.name="Network" for="graph" id="d4"/>
            <graph edgedefault="undirected"><data key="d4">Two Towns</data>
            <node id="0"><data key="d1">A Town</data><data key="d2">1.5</data><data key="d3">-2</data></node>
            <node id="1"/><edge source="0" target="1"/><edge source="1" target="0"/><edge source="1" target="1"/>
            </graph></graphml>"#;
        let a =
            ImportedNode { name: "A-Town".into(), label: Some("A Town".into()), at: Some(["1.5".into(), "-2".into()]) };
        let b = ImportedNode { name: "n1".into(), label: None, at: None };
        let link = |ends| ImportedLink { ends, label: None };
        let expected = Imported {
            name: "Two-Towns".into(),
            nodes: vec![a, b],
            links: vec![link([0, 1]), link([1, 0])],
            warnings: vec!["the link of n1 with itself is left out".into()],
        };
        assert_eq!(read(text, "file"), Ok(expected));
    }

    #[test]
    fn an_edge_to_a_node_that_is_not_there_is_told_with_its_line() {
        let text = "<graphml><graph>\n<node id='a'/>\n<edge source='a' target='b'/></graph></graphml>";
        assert_eq!(read(text, "x"), Err(GraphmlError::UnknownNode { line: 3, id: "b".into() }));
    }

    #[test]
    fn what_is_no_graph_is_an_error() {
        assert_eq!(read("<graphml/>", "x"), Err(GraphmlError::NoGraph));
        assert!(matches!(read("nodes: {}", "x"), Err(GraphmlError::Xml(_))));
    }
}
