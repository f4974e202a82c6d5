//! The rows of Open vSwitch's database that netsim looks at (ovs-vswitchd.conf.db(5)).

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;

use super::json::{Line, Table, Unreadable, tables};

/// The name that the database itself gives a row, and never gives again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uuid(pub Arc<str>);

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Free text by key, as in `external_ids` and `other_config`.
pub type Map = BTreeMap<String, String>;

/// Everything at one moment. Rows are sorted by name, and by UUID where they have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// The one row that stands for Open vSwitch.
    pub switch: SwitchRow,
    /// The bridges.
    pub bridges: Vec<BridgeRow>,
    /// The ports of all bridges.
    pub ports: Vec<PortRow>,
    /// The interfaces of all ports.
    pub interfaces: Vec<InterfaceRow>,
    /// The mirrors of all bridges.
    pub mirrors: Vec<MirrorRow>,
    /// Qualities of service, with or without a port.
    pub qos: Vec<QosRow>,
    /// Queues, with or without a quality of service.
    pub queues: Vec<QueueRow>,
    /// The controllers of all bridges.
    pub controllers: Vec<ControllerRow>,
}

macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident from $table:literal by $key:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty = $column:literal,)* })*) => {
        $($(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl $name {
            const TABLE: &'static str = $table;
            const COLUMNS: &'static [&'static str] = &[$($column),*];

            fn read(line: &Line<'_>) -> Result<Self, Unreadable> {
                Ok($name { $($field: line.read($column)?,)* })
            }

            fn read_all(table: &Table) -> Result<Vec<Self>, Unreadable> {
                let rows = table.lines().map(|line| Self::read(&line)).collect::<Result<Vec<_>, _>>();
                let mut rows = rows.map_err(|e| format!("table {}: {e}", Self::TABLE))?;
                rows.sort_by(|a, b| (&a.$key, &a.uuid).cmp(&(&b.$key, &b.uuid)));
                Ok(rows)
            }
        })*
    };
}

rows! {
    /// Open vSwitch as a whole.
    SwitchRow from "Open_vSwitch" by uuid {
        /// Its name in the database.
        uuid: Uuid = "_uuid",
        /// The configuration that the switch has made true, by number.
        current: i64 = "cur_cfg",
        /// The configuration that the database asks for, by number.
        wanted: i64 = "next_cfg",
        /// The kinds of datapath that bridges can have; none until the switch has run.
        datapath_types: Vec<String> = "datapath_types",
        /// The kinds of interface that it knows; none until the switch has run.
        interface_types: Vec<String> = "iface_types",
    }

    /// A bridge.
    BridgeRow from "Bridge" by name {
        /// Its name in the database.
        uuid: Uuid = "_uuid",
        /// Its name, which its local port and a device have as well.
        name: String = "name",
        /// `system`, `netdev`, or empty for `system`.
        datapath_type: String = "datapath_type",
        /// `standalone` or `secure`.
        fail_mode: Option<String> = "fail_mode",
        /// Whether it speaks the spanning tree protocol (802.1D).
        stp: bool = "stp_enable",
        /// Whether it speaks the rapid spanning tree protocol (802.1D-2004).
        rstp: bool = "rstp_enable",
        /// Whether it listens in on IGMP and MLD.
        multicast_snooping: bool = "mcast_snooping_enable",
        /// Versions of OpenFlow that it speaks; empty for all that this version has on by default.
        protocols: Vec<String> = "protocols",
        /// Its controllers.
        controllers: Vec<Uuid> = "controller",
        /// Its ports, the local one among them.
        ports: Vec<Uuid> = "ports",
        /// Its mirrors.
        mirrors: Vec<Uuid> = "mirrors",
        /// Marks of whoever made it.
        external_ids: Map = "external_ids",
        /// Settings by name.
        other_config: Map = "other_config",
    }

    /// A port.
    PortRow from "Port" by name {
        /// Its name in the database.
        uuid: Uuid = "_uuid",
        /// Its name.
        name: String = "name",
        /// Its interfaces: one, or the members of a bond.
        interfaces: Vec<Uuid> = "interfaces",
        /// The VLAN of frames without a tag: 0 to 4095.
        tag: Option<i64> = "tag",
        /// The VLANs that it carries; empty for all.
        trunks: Vec<i64> = "trunks",
        /// `access`, `trunk`, `native-tagged`, `native-untagged` or `dot1q-tunnel`; none: by tag and trunks.
        vlan_mode: Option<String> = "vlan_mode",
        /// Whether it hears only ports that are not.
        protected: bool = "protected",
        /// Its quality of service.
        qos: Option<Uuid> = "qos",
        /// Marks of whoever made it.
        external_ids: Map = "external_ids",
        /// Settings by name.
        other_config: Map = "other_config",
    }

    /// An interface.
    InterfaceRow from "Interface" by name {
        /// Its name in the database.
        uuid: Uuid = "_uuid",
        /// Its name, that of the device.
        name: String = "name",
        /// Empty or `system` for a device that is there, `internal`, `patch`, a tunnel's.
        kind: String = "type",
        /// Settings of its kind: `peer` of a patch port.
        options: Map = "options",
        /// Why the switch could not open it.
        error: Option<String> = "error",
        /// Its OpenFlow port; -1 if the switch could not make it one, none until it has tried.
        ofport: Option<i64> = "ofport",
        /// Its device's number where the switch runs: 0 where it has none there.
        ifindex: Option<i64> = "ifindex",
        /// `up` or `down`.
        link_state: Option<String> = "link_state",
        /// The Ethernet address asked for; heeded for internal ports only.
        mac: Option<String> = "mac",
        /// The Ethernet address that it has.
        mac_in_use: Option<String> = "mac_in_use",
        /// The MTU asked for, in bytes.
        mtu_request: Option<i64> = "mtu_request",
        /// The MTU that it has, in bytes.
        mtu: Option<i64> = "mtu",
        /// Most that is taken in, in kbit/s; 0 for all.
        ingress_policing_rate: i64 = "ingress_policing_rate",
        /// What may come in above that, in kbit; 0 for 8000.
        ingress_policing_burst: i64 = "ingress_policing_burst",
        /// Marks of whoever made it.
        external_ids: Map = "external_ids",
        /// Settings by name.
        other_config: Map = "other_config",
    }

    /// A mirror.
    MirrorRow from "Mirror" by name {
        /// Its name in the database.
        uuid: Uuid = "_uuid",
        /// Its name, which nothing keeps unique.
        name: String = "name",
        /// Whether it takes what passes any port.
        select_all: bool = "select_all",
        /// The ports of which it takes what comes in.
        select_src_port: Vec<Uuid> = "select_src_port",
        /// The ports of which it takes what goes out.
        select_dst_port: Vec<Uuid> = "select_dst_port",
        /// The VLANs that it takes; empty for all.
        select_vlan: Vec<i64> = "select_vlan",
        /// The port that it goes to.
        output_port: Option<Uuid> = "output_port",
        /// The VLAN that it goes to.
        output_vlan: Option<i64> = "output_vlan",
        /// Marks of whoever made it.
        external_ids: Map = "external_ids",
    }

    /// A quality of service.
    QosRow from "QoS" by uuid {
        /// Its name in the database.
        uuid: Uuid = "_uuid",
        /// `linux-htb` and others; a kind that there is not does nothing, without a word.
        kind: String = "type",
        /// Its queues, by number.
        queues: BTreeMap<i64, Uuid> = "queues",
        /// Marks of whoever made it.
        external_ids: Map = "external_ids",
        /// Settings by name: `max-rate`, in bit/s.
        other_config: Map = "other_config",
    }

    /// A queue.
    QueueRow from "Queue" by uuid {
        /// Its name in the database.
        uuid: Uuid = "_uuid",
        /// Marks of whoever made it.
        external_ids: Map = "external_ids",
        /// Settings by name: `max-rate`, in bit/s.
        other_config: Map = "other_config",
    }

    /// A controller.
    ControllerRow from "Controller" by target {
        /// Its name in the database.
        uuid: Uuid = "_uuid",
        /// Where it is: `tcp:192.0.2.1:6653`.
        target: String = "target",
        /// Whether the switch is connected to it.
        is_connected: bool = "is_connected",
        /// Marks of whoever made it.
        external_ids: Map = "external_ids",
    }
}

/// The tables that are looked at, with their columns.
pub(super) const TABLES: [(&str, &[&str]); 8] = [
    (SwitchRow::TABLE, SwitchRow::COLUMNS),
    (BridgeRow::TABLE, BridgeRow::COLUMNS),
    (PortRow::TABLE, PortRow::COLUMNS),
    (InterfaceRow::TABLE, InterfaceRow::COLUMNS),
    (MirrorRow::TABLE, MirrorRow::COLUMNS),
    (QosRow::TABLE, QosRow::COLUMNS),
    (QueueRow::TABLE, QueueRow::COLUMNS),
    (ControllerRow::TABLE, ControllerRow::COLUMNS),
];

/// The arguments that ask for everything at one moment.
pub(super) fn question() -> Vec<OsString> {
    let list = |(table, columns): (&str, &[&str])| {
        ["--".to_owned(), format!("--columns={}", columns.join(",")), "list".to_owned(), table.to_owned()]
    };
    std::iter::once("--format=json".to_owned()).chain(TABLES.into_iter().flat_map(list)).map(OsString::from).collect()
}

/// What a database of this schema (RFC 7047 §3.2) lacks of all that; nothing if it has it all.
pub(super) fn lacks(schema: &str) -> Result<Option<String>, Unreadable> {
    let schema: serde_json::Value = serde_json::from_str(schema).map_err(|e| e.to_string())?;
    let has = |table: &str, column: &str| !schema["tables"][table]["columns"][column].is_null();
    // Every row has a UUID, and no schema says so.
    let all =
        TABLES.iter().flat_map(|(table, columns)| columns.iter().filter(|c| **c != "_uuid").map(move |c| (*table, *c)));
    let missing = all.filter(|(table, column)| !has(table, column)).map(|(table, column)| format!("{table}.{column}"));
    let missing: Vec<String> = missing.collect();
    Ok((!missing.is_empty()).then(|| missing.join(", ")))
}

/// The answer to that question.
pub(super) fn answer(output: &str) -> Result<Rows, Unreadable> {
    let tables = tables(output)?;
    let [switch, bridges, ports, interfaces, mirrors, qos, queues, controllers] = tables.as_slice() else {
        return Err(format!("8 tables expected, {} there", tables.len()));
    };
    let switch = SwitchRow::read_all(switch)?.pop().ok_or("table Open_vSwitch is empty")?;
    Ok(Rows {
        switch,
        bridges: BridgeRow::read_all(bridges)?,
        ports: PortRow::read_all(ports)?,
        interfaces: InterfaceRow::read_all(interfaces)?,
        mirrors: MirrorRow::read_all(mirrors)?,
        qos: QosRow::read_all(qos)?,
        queues: QueueRow::read_all(queues)?,
        controllers: ControllerRow::read_all(controllers)?,
    })
}
