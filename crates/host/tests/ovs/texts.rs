//! Any text, on its way through `ovs-vsctl` and back.

use std::collections::BTreeMap;

use netsim_core::testing::rounds;
use netsim_host::ovs::{Op, Row, Setting, Table, Value};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::{beside_a_switch, bridge};

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[^\0]{0,12}",
        "[-'\"$`\\\\\n\t ,;:=<>&|*?~#!(){}\\[\\]@.%]{0,8}",
        "[a-z0-9]{0,6}",
        "\"[a-z\"\\\\]{0,4}\""
    ]
}

#[test]
fn any_text_comes_back_as_it_was_written() {
    beside_a_switch("texts::any_text_comes_back_as_it_was_written", |switch| {
        switch.commit([vec![bridge("br0")]]);
        let config = ProptestConfig { cases: rounds(60), failure_persistence: None, ..ProptestConfig::default() };
        let mut runner = TestRunner::new(config);
        let maps = (btree_map(any_text(), any_text(), 0..30), vec(any_text(), 1..6));
        let result = runner.run(&maps, |(map, targets)| {
            let pairs = map.iter().map(|(key, text)| (Value::text(key), Value::text(text))).collect();
            let whole = Setting::of("other_config", Value::Map(pairs));
            let keyed = map.iter().map(|(key, text)| Setting::at("external_ids", key, text));
            let emptied = Op::Clear { table: Table::Bridge, row: br0(), columns: vec!["external_ids"] };
            let set = |settings| Op::Set { table: Table::Bridge, row: br0(), settings };
            let controllers = targets.iter().enumerate().map(|(n, target)| Op::Create {
                id: format!("c{n}"),
                table: Table::Controller,
                settings: vec![Setting::of("target", Value::text(target))],
            });
            let called = (0..targets.len()).map(|n| Value::Called(format!("c{n}"))).collect();
            let steer = set(vec![Setting::of("controller", Value::Set(called))]);
            let ops = [emptied, set(std::iter::once(whole).chain(keyed).collect())].into_iter();
            switch
                .client()
                .commit_unheard(&super::all([ops.chain(controllers).chain([steer]).collect()]))
                .expect("it is right");
            let rows = switch.rows();
            prop_assert_eq!(&rows.bridges[0].other_config, &map);
            prop_assert_eq!(&rows.bridges[0].external_ids, &map);
            let mut wanted = targets;
            wanted.sort();
            prop_assert_eq!(rows.controllers.iter().map(|c| c.target.clone()).collect::<Vec<_>>(), wanted);
            let some: Vec<Value> = map.keys().step_by(2).map(Value::text).collect();
            if !some.is_empty() {
                let remove = Op::Remove { table: Table::Bridge, row: br0(), column: "external_ids", values: some };
                switch.client().commit_unheard(&super::all([vec![remove]])).expect("it is right");
            }
            let left: BTreeMap<_, _> = map.into_iter().skip(1).step_by(2).collect();
            prop_assert_eq!(&switch.rows().bridges[0].external_ids, &left);
            Ok(())
        });
        if let Err(error) = result {
            panic!("{error}");
        }
    });
}

fn br0() -> Row {
    Row::Name("br0".into())
}

#[test]
fn more_than_a_command_line_takes_is_made_all_the_same() {
    beside_a_switch("texts::more_than_a_command_line_takes_is_made_all_the_same", |switch| {
        switch.commit([vec![bridge("br0")]]);
        let long = "x".repeat(100_000);
        let steps = (0..80).map(|n| {
            let settings = vec![Setting::at("external_ids", format!("key{n}"), &long)];
            vec![Op::Set { table: Table::Bridge, row: br0(), settings }]
        });
        switch.commit(steps);
        // And the mark.
        assert_eq!(switch.rows().bridges[0].external_ids.len(), 81);
    });
}
