//! A bridge with a thousand ports.

use std::time::Instant;

use netsim_host::ovs::{Op, Row};

use super::{all, beside_a_switch, bridge, port, run};

const PORTS: usize = 1000;

#[test]
fn a_thousand_ports_are_one_call() {
    beside_a_switch("thousand::a_thousand_ports_are_one_call", |switch| {
        let wires: String = (0..PORTS).map(|n| format!("link add p{n} up type veth peer name q{n}\n")).collect();
        std::fs::write("/run/wires", wires).expect("it is ours");
        run("ip", &["-batch", "/run/wires"]);
        let timed = |what: &str, work: &mut dyn FnMut()| {
            let begun = Instant::now();
            work();
            eprintln!("{PORTS} ports of Open vSwitch: {what} {:.2} s", begun.elapsed().as_secs_f64());
        };
        switch.commit([vec![bridge("br0")]]);
        let change = all((0..PORTS).map(|n| vec![port("br0", &format!("p{n}"))]));
        timed("made in", &mut || switch.client().commit(&change).expect("nothing is wrong with it"));
        let mut rows = None;
        timed("read in", &mut || rows = Some(switch.rows()));
        let rows = rows.expect("it was read");
        assert_eq!((rows.ports.len(), rows.unopened().count()), (PORTS + 1, 0));
        let of = Row::Uuid(rows.bridges[0].uuid.clone());
        let delete = |name: &str| name.starts_with('p');
        let gone = rows.ports.iter().filter(|p| delete(&p.name));
        let gone = all(gone.map(|p| vec![Op::DeletePort { bridge: of.clone(), port: Row::Uuid(p.uuid.clone()) }]));
        timed("deleted in", &mut || switch.client().commit(&gone).expect("nothing is wrong with it"));
        assert_eq!(switch.rows().ports.len(), 1);

        let by_hand: Vec<String> =
            change.commands().into_iter().flat_map(|words| std::iter::once("--".to_owned()).chain(words)).collect();
        let words: Vec<&str> = by_hand.iter().map(String::as_str).collect();
        timed("made by hand in", &mut || {
            run("ovs-vsctl", &words);
        });
        timed("deleted with the bridge, unheard, in", &mut || {
            switch.client().commit_unheard(&all([vec![Op::DeleteBridge(of.clone())]])).expect("it is right");
        });
    });
}
