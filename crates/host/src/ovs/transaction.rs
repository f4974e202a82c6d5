//! Changes of the database that are made by one call of `ovs-vsctl`.

use std::ffi::OsString;

use super::call::cost;
use super::quote;
use super::rows::Uuid;

/// Changes in their order, made all or not at all.
///
/// One that names a row `@ID` stands in one step with those that use that name. A command line has an end: what does not fit there is made by several calls, cut between
/// steps only. With 6 MiB to be had that is at some 40,000 ports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transaction {
    steps: Vec<Vec<Op>>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// A new bridge; refused where one of that name is.
    AddBridge {
        /// Its name.
        name: String,
        /// What is set in its row.
        settings: Vec<Setting>,
    },
    /// A new port with one interface of its name; refused where one of that name is, on any bridge.
    AddPort {
        /// The bridge, by name.
        bridge: String,
        /// Its name.
        name: String,
        /// What is set in the port's row.
        port: Vec<Setting>,
        /// What is set in the interface's row.
        interface: Vec<Setting>,
    },
    /// A new row, called `@ID` in this step. One that nothing refers to is not kept, but for QoS and Queue.
    Create {
        /// What it is called.
        id: String,
        /// The table it is in.
        table: Table,
        /// What is set in it.
        settings: Vec<Setting>,
    },
    /// Nothing changed: a row that there is, or is in this transaction, is called `@ID` in this step.
    Call {
        /// What it is called.
        id: String,
        /// The table it is in.
        table: Table,
        /// The row.
        row: Row,
    },
    /// Columns or keys get other values.
    Set {
        /// The table.
        table: Table,
        /// The row.
        row: Row,
        /// The values.
        settings: Vec<Setting>,
    },
    /// Columns get what they have by default: nothing.
    Clear {
        /// The table.
        table: Table,
        /// The row.
        row: Row,
        /// The columns.
        columns: Vec<&'static str>,
    },
    /// Values are put into a set.
    Add {
        /// The table.
        table: Table,
        /// The row.
        row: Row,
        /// The column.
        column: &'static str,
        /// The values.
        values: Vec<Value>,
    },
    /// Values are taken out of a set, or keys out of a map; those that are not there, or a row that is not, are no error.
    Remove {
        /// The table.
        table: Table,
        /// The row.
        row: Row,
        /// The column.
        column: &'static str,
        /// The values or keys.
        values: Vec<Value>,
    },
    /// A bridge is deleted with all of its ports, mirrors and controllers, if it is there.
    DeleteBridge(Row),
    /// A port is deleted, if it is there.
    DeletePort {
        /// The bridge.
        bridge: Row,
        /// The port.
        port: Row,
    },
    /// A row is deleted, if it is there: of a table whose rows stay without anybody who refers to them.
    Destroy {
        /// The table.
        table: Table,
        /// The row.
        row: Row,
    },
}

/// A table of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Open vSwitch as a whole.
    OpenVSwitch,
    /// Bridges.
    Bridge,
    /// Ports.
    Port,
    /// Interfaces.
    Interface,
    /// Mirrors.
    Mirror,
    /// Qualities of service.
    Qos,
    /// Queues.
    Queue,
    /// Controllers.
    Controller,
}

impl Table {
    fn name(self) -> &'static str {
        match self {
            Table::OpenVSwitch => "Open_vSwitch",
            Table::Bridge => "Bridge",
            Table::Port => "Port",
            Table::Interface => "Interface",
            Table::Mirror => "Mirror",
            Table::Qos => "QoS",
            Table::Queue => "Queue",
            Table::Controller => "Controller",
        }
    }
}

/// Which row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// By name, for rows that this transaction makes. Another's may have it when the change is made; and a name that is no row's is taken for the beginning of a UUID.
    Name(String),
    /// By the name that the database never gives again: for rows that were seen.
    Uuid(Uuid),
    /// The only one there is.
    Only,
}

/// What a column, or one key of a map, is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The column.
    pub column: &'static str,
    /// The key, where the column is a map and its other keys stay.
    pub key: Option<String>,
    /// The value.
    pub value: Value,
}

/// A value of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Any text without NUL.
    Text(String),
    /// A number.
    Integer(i64),
    /// Yes or no.
    Bool(bool),
    /// A row, by what the step calls it.
    Called(String),
    /// A row, by the database's name.
    Row(Uuid),
    /// Several; none at all empties the column.
    Set(Vec<Value>),
    /// A whole map.
    Map(Vec<(Value, Value)>),
}

impl Setting {
    /// A whole column.
    pub fn of(column: &'static str, value: Value) -> Self {
        Setting { column, key: None, value }
    }

    /// One key of a map of texts.
    pub fn at(column: &'static str, key: impl Into<String>, text: impl Into<String>) -> Self {
        Setting { column, key: Some(key.into()), value: Value::text(text) }
    }

    fn word(&self) -> String {
        match &self.key {
            None => format!("{}={}", self.column, self.value.word()),
            Some(key) => format!("{}:{}={}", self.column, quote::value(key), self.value.word()),
        }
    }
}

impl Value {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Value::Text(text.into())
    }

    fn word(&self) -> String {
        match self {
            Value::Text(text) => quote::value(text),
            Value::Integer(n) => n.to_string(),
            Value::Bool(b) => b.to_string(),
            Value::Called(id) => format!("@{id}"),
            Value::Row(uuid) => uuid.to_string(),
            Value::Set(values) => {
                format!("[{}]", values.iter().map(Value::word).collect::<Vec<_>>().join(","))
            }
            Value::Map(pairs) => {
                let pairs: Vec<String> = pairs.iter().map(|(k, v)| format!("{}={}", k.word(), v.word())).collect();
                format!("{{{}}}", pairs.join(","))
            }
        }
    }
}

impl Row {
    fn word(&self) -> String {
        match self {
            Row::Name(name) => name.clone(),
            Row::Uuid(uuid) => uuid.to_string(),
            Row::Only => ".".into(),
        }
    }
}

fn words(head: &[&str], tail: impl IntoIterator<Item = String>) -> Vec<String> {
    head.iter().map(|&w| w.to_owned()).chain(tail).collect()
}

fn settings(settings: &[Setting]) -> impl Iterator<Item = String> + '_ {
    settings.iter().map(Setting::word)
}

impl Op {
    /// The commands of `ovs-vsctl` that make the change, each in words, without the `--` before it.
    pub fn commands(&self) -> Vec<Vec<String>> {
        match self {
            Op::AddBridge { name, settings: set } => {
                let setting = (!set.is_empty()).then(|| words(&["set", "Bridge", name], settings(set)));
                std::iter::once(words(&["add-br", name], [])).chain(setting).collect()
            }
            Op::AddPort { bridge, name, port, interface } => {
                let add = words(&["add-port", bridge, name], settings(port));
                let set = (!interface.is_empty()).then(|| words(&["set", "Interface", name], settings(interface)));
                std::iter::once(add).chain(set).collect()
            }
            Op::Create { id, table, settings: set } => {
                vec![words(&[&format!("--id=@{id}"), "create", table.name()], settings(set))]
            }
            Op::Call { id, table, row } => vec![words(&[&format!("--id=@{id}"), "get", table.name(), &row.word()], [])],
            Op::Set { table, row, settings: set } => {
                vec![words(&["set", table.name(), &row.word()], settings(set))]
            }
            Op::Clear { table, row, columns } => {
                vec![words(&["clear", table.name(), &row.word()], columns.iter().map(|&c| c.to_owned()))]
            }
            Op::Add { table, row, column, values } => {
                vec![words(&["add", table.name(), &row.word(), column], values.iter().map(Value::word))]
            }
            Op::Remove { table, row, column, values } => {
                let head = ["--if-exists", "remove", table.name(), &row.word(), column];
                vec![words(&head, values.iter().map(Value::word))]
            }
            Op::DeleteBridge(Row::Uuid(bridge)) => {
                vec![words(&["remove", "Open_vSwitch", ".", "bridges"], [bridge.to_string()])]
            }
            Op::DeleteBridge(bridge) => vec![words(&["--if-exists", "del-br", &bridge.word()], [])],
            Op::DeletePort { bridge: bridge @ Row::Uuid(_), port: port @ Row::Uuid(_) } => {
                vec![words(&["--if-exists", "remove", "Bridge", &bridge.word(), "ports"], [port.word()])]
            }
            Op::DeletePort { bridge, port } => {
                vec![words(&["--if-exists", "del-port", &bridge.word(), &port.word()], [])]
            }
            Op::Destroy { table, row } => vec![words(&["--if-exists", "destroy", table.name(), &row.word()], [])],
        }
    }
}

impl Transaction {
    /// Adds changes that are made by one call, whatever the length of the whole.
    pub fn step(&mut self, ops: impl IntoIterator<Item = Op>) {
        self.steps.push(ops.into_iter().collect());
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(Vec::is_empty)
    }

    /// How many changes it has.
    pub fn len(&self) -> usize {
        self.steps.iter().map(Vec::len).sum()
    }

    /// The commands of `ovs-vsctl` that make it, each in words: a script has them all behind one `ovs-vsctl`, with a `--` before each.
    pub fn commands(&self) -> Vec<Vec<String>> {
        self.steps.iter().flatten().flat_map(Op::commands).collect()
    }

    /// The arguments of as few calls as there is room for: bytes for all arguments of one call.
    pub(super) fn calls(&self, room: usize) -> Vec<Vec<OsString>> {
        let mut calls: Vec<Vec<OsString>> = Vec::new();
        let mut left = 0;
        for step in self.steps.iter().filter(|s| !s.is_empty()) {
            let arguments: Vec<OsString> = step
                .iter()
                .flat_map(Op::commands)
                .flat_map(|command| std::iter::once("--".to_owned()).chain(command))
                .map(OsString::from)
                .collect();
            let takes = arguments.iter().map(|a| cost(a)).sum::<usize>();
            match calls.last_mut() {
                Some(call) if takes <= left => call.extend(arguments),
                Some(_) | None => {
                    calls.push(arguments);
                    left = room;
                }
            }
            left = left.saturating_sub(takes);
        }
        calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str) -> Op {
        let port = vec![Setting::of("tag", Value::Integer(3)), Setting::at("external_ids", "netsim-lab", "a b")];
        Op::AddPort { bridge: "br0".into(), name: name.into(), port, interface: Vec::new() }
    }

    #[track_caller]
    fn check(op: Op, commands: &[&str]) {
        let told: Vec<String> = op.commands().iter().map(|c| c.join(" ")).collect();
        assert_eq!(told, commands);
    }

    #[test]
    fn each_change_is_a_command() {
        let uuid = |u: &str| Uuid(u.into());
        check(port("v0"), &[r#"add-port br0 v0 tag=3 external_ids:netsim-lab="a b""#]);
        check(
            Op::AddBridge { name: "br0".into(), settings: vec![Setting::of("datapath_type", Value::text("netdev"))] },
            &["add-br br0", "set Bridge br0 datapath_type=netdev"],
        );
        let selected = Value::Set(vec![Value::Row(uuid("u1")), Value::Called("p".into())]);
        check(
            Op::Create {
                id: "m".into(),
                table: Table::Mirror,
                settings: vec![Setting::of("select_src_port", selected), Setting::of("select_all", Value::Bool(false))],
            },
            &["--id=@m create Mirror select_src_port=[u1,@p] select_all=false"],
        );
        check(Op::Call { id: "p".into(), table: Table::Port, row: Row::Name("v0".into()) }, &["--id=@p get Port v0"]);
        let (bridge, port) = (Row::Uuid(uuid("b")), Row::Uuid(uuid("p")));
        check(Op::DeletePort { bridge: bridge.clone(), port }, &["--if-exists remove Bridge b ports p"]);
        check(Op::DeleteBridge(bridge), &["remove Open_vSwitch . bridges b"]);
        let map = Value::Map(vec![(Value::Integer(0), Value::Called("q".into()))]);
        check(
            Op::Set { table: Table::Qos, row: Row::Uuid(uuid("q")), settings: vec![Setting::of("queues", map)] },
            &["set QoS q queues={0=@q}"],
        );
    }

    #[test]
    fn what_does_not_fit_one_command_line_is_cut_between_steps_only() {
        let mut transaction = Transaction::default();
        for n in 0..5 {
            transaction.step([port(&format!("a{n}")), port(&format!("b{n}"))]);
        }
        let one = transaction.calls(usize::MAX);
        assert_eq!(one.len(), 1);
        let step = one[0].iter().map(|a| cost(a)).sum::<usize>() / 5;
        let calls = transaction.calls(2 * step);
        assert_eq!(calls.iter().map(Vec::len).collect::<Vec<_>>(), [24, 24, 12]);
        assert_eq!(calls.concat(), one[0]);
        assert_eq!(transaction.calls(1).len(), 5);
        assert!(Transaction::default().calls(1).is_empty());
    }
}
