//! What plans are as commands, by names and by what the database calls rows.

use netsim_core::names::LabName;
use netsim_core::plan::Action;
use netsim_core::resource::Resource;
use netsim_core::testing::{actions, resource};

use super::super::rows::Uuid;
use super::super::transaction::Row;
use super::*;
use crate::ovs::{BridgeRow, InterfaceRow, Map, PortRow, QosRow, SwitchRow};

fn lab() -> LabName {
    LabName::new("t").expect("a name")
}

fn told(transaction: &Transaction) -> Vec<String> {
    transaction.commands().iter().map(|words| words.join(" ")).collect()
}

fn uuid(name: &str) -> Uuid {
    Uuid(format!("uuid-of-{name}").into())
}

fn marks(more: &[(&str, &str)]) -> Map {
    let all = [("netsim-lab", "t")].iter().chain(more);
    all.map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
}

/// A bridge `br0` of the lab with a port `o0` that has a rate.
fn rows() -> Rows {
    let port = |name: &str, qos: Option<Uuid>, external_ids: Map| PortRow {
        uuid: uuid(name),
        name: name.into(),
        interfaces: vec![uuid(&format!("i-{name}"))],
        tag: None,
        trunks: Vec::new(),
        vlan_mode: None,
        protected: false,
        qos,
        external_ids,
        other_config: Map::new(),
    };
    let interface = |port: &str, kind: &str, ofport: i64| InterfaceRow {
        uuid: uuid(&format!("i-{port}")),
        name: port.into(),
        kind: kind.into(),
        options: Map::new(),
        error: None,
        ofport: Some(ofport),
        ifindex: Some(7),
        link_state: None,
        mac: None,
        mac_in_use: None,
        mtu_request: None,
        mtu: None,
        ingress_policing_rate: 0,
        ingress_policing_burst: 0,
        external_ids: Map::new(),
        other_config: Map::new(),
    };
    Rows {
        switch: SwitchRow { uuid: uuid("ovs"), current: 1, wanted: 1, datapath_types: vec![], interface_types: vec![] },
        bridges: vec![BridgeRow {
            uuid: uuid("br0"),
            name: "br0".into(),
            datapath_type: "netdev".into(),
            fail_mode: None,
            stp: false,
            rstp: false,
            multicast_snooping: false,
            protocols: Vec::new(),
            controllers: Vec::new(),
            ports: vec![uuid("br0"), uuid("o0")],
            mirrors: Vec::new(),
            external_ids: marks(&[("netsim-node", "br0")]),
            other_config: Map::new(),
        }],
        ports: vec![port("br0", None, Map::new()), port("o0", Some(uuid("q0")), marks(&[]))],
        interfaces: vec![interface("br0", "internal", 65534), interface("o0", "", 3)],
        mirrors: Vec::new(),
        qos: vec![QosRow {
            uuid: uuid("q0"),
            kind: "linux-htb".into(),
            queues: Default::default(),
            external_ids: marks(&[("netsim-port", "o0")]),
            other_config: Map::new(),
        }],
        queues: Vec::new(),
        controllers: Vec::new(),
    }
}

fn steps(actions: &[Action]) -> Vec<Step<'_>> {
    actions.iter().enumerate().collect()
}

#[test]
fn a_plan_is_two_transactions_by_names() {
    let plan = actions(
        "- ovs-qos o9 10000000
         - ovs-port o9 br0
         - ovs-bridge br9,netdev
         + ovs-bridge br1,netdev,stp,tag=10,protocol=OpenFlow13,mac-aging-time=60
         + ovs-port o1 br1 tag=10 mode=access protected policing=1000
         + ovs-port i1 br1 internal
         + ovs-port p1 br1 patch=p0
         + ovs-mirror br1 m0 in=o1 out=i1 to=p1
         + ovs-qos o1 10000000
         ~ ovs-port o0 br0 => ovs-port o0 br0 trunks=10/20 mode=trunk",
    );
    let [removals, builds] = script(&lab(), &plan.iter().collect::<Vec<_>>());
    assert_eq!(
        told(&removals),
        ["--if-exists destroy QoS o9", "clear Port o9 qos", "--if-exists del-port br0 o9", "--if-exists del-br br9"]
    );
    let Resource::Ovs(Thing::Bridge(br1)) = resource("ovs-bridge br1,netdev") else { panic!("a bridge") };
    let Resource::Ovs(Thing::Port(i1)) = resource("ovs-port i1 br1 internal") else { panic!("a port") };
    let netsim_core::resource::OvsPortKind::Internal { mac } = i1.kind else { panic!("an internal one") };
    assert_eq!(
        told(&builds),
        [
            "add-br br1".to_owned(),
            format!(
                "set Bridge br1 external_ids:netsim-lab=t external_ids:netsim-node={} datapath_type=netdev stp_enable=true \
                 protocols=[OpenFlow13] other_config={{mac-aging-time=60,hwaddr=\"{}\"}}",
                br1.node, br1.mac
            ),
            "set Port br1 tag=10".to_owned(),
            "add-port br1 o1 external_ids:netsim-lab=t tag=10 vlan_mode=access protected=true".to_owned(),
            "set Interface o1 ingress_policing_rate=1000".to_owned(),
            "add-port br1 i1 external_ids:netsim-lab=t".to_owned(),
            format!("set Interface i1 type=internal mac=\"{mac}\""),
            "add-port br1 p1 external_ids:netsim-lab=t".to_owned(),
            "set Interface p1 type=patch options:peer=p0".to_owned(),
            "--id=@r1 get Port i1".to_owned(),
            "--id=@r2 get Port o1".to_owned(),
            "--id=@r3 get Port p1".to_owned(),
            "--id=@r4 create Mirror select_all=false select_src_port=[@r2] select_dst_port=[@r1] output_port=@r3 name=m0 \
             external_ids:netsim-lab=t"
                .to_owned(),
            "add Bridge br1 mirrors @r4".to_owned(),
            "--id=@r5 create QoS type=linux-htb external_ids:netsim-lab=t external_ids:netsim-port=o1 \
             other_config:max-rate=10000000"
                .to_owned(),
            "set Port o1 qos=@r5".to_owned(),
            "set Port o0 trunks=[10,20] vlan_mode=trunk".to_owned(),
        ]
    );
}

#[test]
fn rows_that_were_seen_go_by_what_the_database_calls_them() {
    let rows = rows();
    let plan = actions(
        "- ovs-qos o0 10000000
         - ovs-port o0 br0",
    );
    let gone = removal(&lab(), &rows, &steps(&plan), &|_| false);
    let qos = ["--if-exists remove Port uuid-of-o0 qos uuid-of-q0", "--if-exists destroy QoS uuid-of-q0"];
    let port = "--if-exists remove Bridge uuid-of-br0 ports uuid-of-o0";
    assert_eq!(
        (told(&gone.limits), told(&gone.transaction)),
        (vec![], [qos[0], qos[1], port].map(str::to_owned).into())
    );
    // A device that stays is freed of its limit while it still is a port.
    let gone = removal(&lab(), &rows, &steps(&plan), &|_| true);
    assert_eq!((told(&gone.limits), told(&gone.transaction)), (qos.map(str::to_owned).into(), vec![port.to_owned()]));

    let plan = actions("- ovs-bridge br0,netdev");
    let gone = removal(&lab(), &rows, &steps(&plan), &|_| false);
    assert_eq!(told(&gone.transaction), ["remove Open_vSwitch . bridges uuid-of-br0"]);
    assert_eq!(gone.devices, [(0, IfName::new("br0").expect("a name"), Datapath::Netdev)]);
}

#[test]
fn a_port_is_added_only_to_the_bridge_that_was_seen_and_keeps_its_number() {
    let plan = actions(
        "+ ovs-port o0 br0
         + ovs-port o1 br0",
    );
    let made = building(&lab(), &rows(), &steps(&plan)).expect("nothing is missing");
    assert_eq!(
        told(&made.transaction),
        [
            "--id=@r1 get Bridge uuid-of-br0",
            "add-port br0 o0 external_ids:netsim-lab=t",
            "set Interface o0 ofport_request=3",
            "add-port br0 o1 external_ids:netsim-lab=t",
        ]
    );
}

#[test]
fn what_is_gone_is_not_looked_for_under_its_name() {
    let missing = |plan: &str| {
        let plan = actions(plan);
        building(&lab(), &rows(), &steps(&plan)).map(|made| told(&made.transaction)).map_err(|gone| gone.1.to_string())
    };
    assert_eq!(missing("~ ovs-port o9 br0 => ovs-port o9 br0 tag=10 mode=access"), Err("OVS port o9".to_owned()));
    assert_eq!(missing("+ ovs-mirror br0 m0 all to=o9"), Err("OVS port o9".to_owned()));
    assert_eq!(missing("+ ovs-qos o9 noop"), Err("OVS port o9".to_owned()));
    let plan = actions("- ovs-port o9 br0");
    assert!(removal(&lab(), &rows(), &steps(&plan), &|_| false).transaction.is_empty());
    assert_eq!(Target::of(&lab(), None).bridge(IfName::LO), Some(Row::Name("lo".into())));
}
