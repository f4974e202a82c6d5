//! The text of a file: YAML, variables, includes, anchors, keys of one's own.

use expect_test::expect;

use crate::show::{check, check_files, check_lab, load_files, shown};

#[test]
fn a_range_without_quotes_in_flow_context_is_told_as_that() {
    check_lab(
        "nodes: { a: {} }\nlinks:\n  - { endpoints: [node[1-4], x] }\n",
        expect![[r#"
        E002 4:19 ⟨node[1-4]⟩ `node[1-4]` needs quotes between `[` and `]` or `{` and `}`
             write "node[1-4]"
    "#]],
    );
    check_lab(
        "nodes: { n[1-4]: {} }\n",
        expect![[r#"
        E002 2:10 ⟨n[1-4]⟩ `n[1-4]` needs quotes between `[` and `]` or `{` and `}`
             write "n[1-4]"
    "#]],
    );
    check_lab(
        "nodes: { a: { lo: 10.0.0.[1-2]/32 } }\n",
        expect![[r#"
        E002 2:19 ⟨10.0.0.[1-2]/32⟩ `10.0.0.[1-2]/32` needs quotes between `[` and `]` or `{` and `}`
             write "10.0.0.[1-2]/32"
    "#]],
    );
    check_lab(
        "nodes: { a: {} }\nlinks:\n  - { endpoints: [{a,b}, \"a\"] }\n",
        expect![[r#"
            E004 4:20 ⟨a⟩ unknown key `a`
                 put quotes round an endpoint with `{…}` in it, as in "{a,b}"; keys of your own begin with `x-`
            E004 4:22 ⟨b⟩ unknown key `b`
                 put quotes round an endpoint with `{…}` in it, as in "{a,b}"; keys of your own begin with `x-`
            E010 4:19 ⟨{⟩ `node` is missing here
                 write `node: …`
        "#]],
    );
}

#[test]
fn what_is_no_yaml_is_told_with_its_place() {
    check(
        "name: a\nnodes:\n\ta: {}\n",
        expect![[r#"
        E002 3:2 ⟨a⟩ this is not YAML: tabs disallowed within this context (block indentation)
             indent with spaces; YAML allows no tabs there
    "#]],
    );
    check(
        "name: a: b\n",
        expect![[r#"
        E002 1:8 ⟨:⟩ this is not YAML: mapping values are not allowed in this context
             put quotes round a text with `: ` in it, or look at the indentation
    "#]],
    );
    check(
        "name: \"a\nnodes:\n  a: {}\n",
        expect![[r#"
        E002 1:7 ⟨\"⟩ this is not YAML: invalid indentation in quoted scalar
             look for a missing quote, bracket, colon or space at this line or the one before
    "#]],
    );
    check(
        "name: a\nnodes:\n  a: {}\n b: {}\n",
        expect![[r#"
        E002 4:2 ⟨b⟩ this is not YAML: while parsing a block mapping, did not find expected key
             look for a missing quote, bracket, colon or space at this line or the one before
    "#]],
    );
    check(
        "name: a\nlinks:\n  - endpoints: [a, b\n",
        expect![[r#"
        E002 4:1 ⟨⟩ this is not YAML: while parsing a flow sequence, expected ',' or ']'
             look for a missing quote, bracket, colon or space at this line or the one before
    "#]],
    );
}

#[test]
fn a_file_is_one_document_and_a_mapping() {
    check(
        "",
        expect![[r#"
        E003 1:1 ⟨⟩ the file is empty
             write at least `name:` and `nodes:`
    "#]],
    );
    check(
        "# nothing yet\n",
        expect![[r#"
        E003 1:1 ⟨#⟩ the file is empty
             write at least `name:` and `nodes:`
    "#]],
    );
    check(
        "name: a\n---\nname: b\n",
        expect![[r#"
        E003 2:1 ⟨---⟩ a second document begins here
             keep one document a file
    "#]],
    );
    check(
        "- a\n",
        expect![[r#"
        E006 1:1 ⟨-⟩ a topology file is a mapping, not a list
             begin with `name: …`
    "#]],
    );
    check(
        "hello\n",
        expect![[r#"
        E006 1:1 ⟨hello⟩ a topology file is a mapping, not `hello`
             begin with `name: …`
    "#]],
    );
}

#[test]
fn a_byte_order_mark_and_dos_lines_are_read() {
    check(
        "\u{feff}name: a\r\nnodes:\r\n  b: {}\r\n",
        expect![[r#"
        a "a-" Written
        b: namespace
    "#]],
    );
}

#[test]
fn wrong_kinds_of_values_are_all_told() {
    check(
        "name: [a]\nnodes: [a, b]\nlinks: {}\nrouting: dynamic\naddressing: nona\nchecks: x\ndefaults: 7\n",
        expect![[r#"
            E006 1:1 ⟨name⟩ `name` is a text, not a list
                 put quotes round a text that begins with `[`
            E006 2:1 ⟨nodes⟩ `nodes` is a mapping, not a list
                 write nodes as a mapping: `nodes: { a: {}, b: {} }`
            E006 3:1 ⟨links⟩ `links` is a list, not a mapping
            E007 4:10 ⟨dynamic⟩ `routing` cannot be `dynamic`
                 write `static` or `none`
            E007 5:13 ⟨nona⟩ `addressing` cannot be `nona`
                 did you mean `none`?
            E006 6:9 ⟨x⟩ `checks` is a list, not `x`
                 put `[` and `]` round it
            E006 7:11 ⟨7⟩ `defaults` is a mapping, not `7`
        "#]],
    );
    check_lab(
        "nodes:\n  a: { mtu: big }\n  b:\n    mtu:\n    - 1\n    - 2\n    lo: { x: 1 }\n  c: { kind: swich }\n  d: { mtu: -4, exec: [ip] }\n  e: { mtu: 99999999999 }\n  f: { sysctls: [x], routes: { to: default } }\n",
        expect![[r#"
            E006 3:13 ⟨big⟩ `mtu` is a whole number, not `big`
            E006 5:5 ⟨mtu⟩ `mtu` is a whole number, not a list
            E006 8:5 ⟨lo⟩ `lo` is a text or a list of texts, not a mapping
                 put quotes round a text with `{`, `}` or `: ` in it
            E007 9:14 ⟨swich⟩ `kind` cannot be `swich`
                 write `namespace`, `router`, `bridge`, `ovs` or `host`
            E006 10:13 ⟨-4⟩ `mtu` is a whole number, not `-4`
            E006 10:24 ⟨ip⟩ an element of `exec` is a list of texts, not `ip`
                 put `[` and `]` round it
            E006 11:13 ⟨99999999999⟩ `mtu` is a whole number, not `99999999999`: it can be 0 to 4294967295
            E006 12:8 ⟨sysctls⟩ `sysctls` is a mapping, not a list
            E006 12:22 ⟨routes⟩ `routes` is a list, not a mapping
        "#]],
    );
}

#[test]
fn problems_of_text_do_not_hide_those_of_meaning() {
    check_lab(
        "nodes: { a: { mtu: big }, b: { knd: router } }\nlinks: [{ endpoints: [a, c] }, 7]\n",
        expect![[r#"
        E006 2:20 ⟨big⟩ `mtu` is a whole number, not `big`
        E004 2:32 ⟨knd⟩ unknown key `knd`
             did you mean `kind`?
        E006 3:32 ⟨7⟩ an element of `links` is a mapping, not `7`
        E013 3:26 ⟨c⟩ there is no node `c`
             write it under `nodes:`
    "#]],
    );
}

#[test]
fn keys_that_are_there_twice_are_told_at_the_second() {
    check(
        "name: a\nname: b\nnodes:\n  a: { kind: router, kind: bridge }\n  b: {}\n  a: {}\n",
        expect![[r#"
        E005 2:1 ⟨name⟩ `name` is written twice
             take one of them away; the last one would win silently
        E005 4:22 ⟨kind⟩ `kind` is written twice
             take one of them away; the last one would win silently
        E005 6:3 ⟨a⟩ `a` is written twice
             take one of them away; the last one would win silently
    "#]],
    );
}

#[test]
fn keys_of_ones_own_are_left_alone() {
    check_lab(
        "x-note: [${NOT_SET}, *]\n".replace("*", "{a: 1}").as_str(),
        expect![[r#"
            E002 2:10 ⟨${NOT_SET}⟩ `${NOT_SET}` needs quotes between `[` and `]` or `{` and `}`
                 write "${NOT_SET}"
        "#]],
    );
    check_lab(
        "x-a: { kynd: 1 }\nnodes: { a: { x-pos: [1, 2] } }\nlinks: []\nx-a: 2\n",
        expect![[r#"
        t "t-" Written
        a: namespace
    "#]],
    );
    check_lab(
        "nodes: { x-a: {} }\n",
        expect![[r#"
        t "t-" Written
        x-a: namespace
    "#]],
    );
}

#[test]
fn anchors_are_read_and_what_they_stand_for_is_checked_where_it_is_used() {
    check_lab(
        "x-r: &r { kind: router, lo: 10.0.0.1/32 }\nnodes: { a: *r, b: {} }\n",
        expect![[r#"
        t "t-" Written
        a: router lo 10.0.0.1/32
        b: namespace
    "#]],
    );
    check_lab(
        "x-r: &r { kynd: router }\nnodes: { a: *r, b: { <<: *r } }\n",
        expect![[r#"
        E004 2:11 ⟨kynd⟩ unknown key `kynd`
             did you mean `kind`?
        E004 3:22 ⟨<<⟩ unknown key `<<`
             write common settings under `defaults:`, `kinds:` or `groups:`; merge keys are not read
    "#]],
    );
    check_lab(
        "nodes: &n { a: *n }\n",
        expect![[r#"
        E002 2:16 ⟨*n⟩ an alias stands inside of what it names
    "#]],
    );
}

#[test]
fn numbers_that_name_nodes_stay_as_they_are_written() {
    check_lab(
        "nodes: { 1: {}, 1.10: {}, 007: {}, 1e3: {} }\nlinks:\n  - { endpoints: [1, 1.10] }\n  - { endpoints: [007, 1e3] }\n",
        expect![[r#"
            t "t-" Written
            1: namespace
            1.10: namespace
            007: namespace
            1e3: namespace
            1 -- 1.10
            007 -- 1e3
        "#]],
    );
}

#[test]
fn variables_are_put_in_after_parsing() {
    check_files(
        &[(
            "lab.yaml",
            "name: ${LAB:-lab}\nvars: { N: 2, MTU: \"${M:-1300}\", TEXT: \"a}, b: {\" }\nnodes:\n  \"n[1-${N}]\": { mtu: \"${MTU}\", sysctls: { net.x: \"$$ ${TEXT}\" } }\nlinks:\n  - { endpoints: [n1, n2], mtu: \"${MTU}\" }\n",
        )],
        &[("N", "3")],
        expect![[r#"
            lab "lab-" Written
            n1: namespace net.x="$\ta},\tb:\t{"
            n2: namespace net.x="$\ta},\tb:\t{"
            n3: namespace net.x="$\ta},\tb:\t{"
            n1 mtu 1300 -- n2 mtu 1300
        "#]],
    );
}

#[test]
fn a_variable_that_is_not_set_is_told_and_so_is_one_that_is_none() {
    check_lab(
        "nodes: { a: { lo: \"${ADDRESS}\" }, b: { group: \"${1}\" }, c: { group: \"${\" } }\nvars: { a-b: 1 }\n",
        expect![[r#"
            E008 3:14 ⟨1⟩ `a-b` cannot name a variable
                 write letters, digits and `_`, a letter or `_` first
            E008 2:19 ⟨\"${ADDRESS}\"⟩ the variable `ADDRESS` is not set
                 set it under `vars:`, or write `${ADDRESS:-default}`
            E008 2:47 ⟨\"${1}\"⟩ `${1}` is no variable: a letter or `_` first, then letters, digits and `_`, then perhaps `:-` and a default
                 write `$$` for a `$` that begins no variable
            E008 2:69 ⟨\"${\"⟩ `${` has no closing `}`
                 write `$$` for a `$` that begins no variable
        "#]],
    );
}

#[test]
fn only_variables_that_are_used_are_kept() {
    let files = [("lab.yaml", "name: t\nnodes: { \"a${N}\": {} }\n")];
    let (sources, _) = load_files(&files, &[("SECRET", "x"), ("N", "1"), ("PATH", "y")]);
    assert_eq!(sources.vars.keys().collect::<Vec<_>>(), ["N"]);
}

#[test]
fn included_files_come_first_and_the_including_one_wins() {
    check_files(
        &[
            (
                "labs/a.yaml",
                "name: a\ninclude: [common/base.yaml]\nvars: { N: 2 }\nnodes: { c: { group: edge } }\ngroups: { edge: { mtu: 1300 } }\nlinks: [{ endpoints: [b1, c] }]\n",
            ),
            (
                "labs/common/base.yaml",
                "name: base\ninclude: [../more.yaml]\nvars: { N: 1 }\nnodes: { \"b[1-${N}]\": {} }\ngroups: { edge: { kind: router, mtu: 1200 } }\n",
            ),
            ("labs/common/../more.yaml", "kinds: { router: { sysctls: { net.a: 1 } } }\nrouting: static\n"),
        ],
        &[],
        expect![[r#"
            a "a-" Static
            b1: namespace
            b2: namespace
            c: router net.a="1"
            b1 -- c mtu 1300
        "#]],
    );
}

#[test]
fn includes_that_close_a_circle_or_are_missing_or_come_twice_are_told() {
    check_files(
        &[("a.yaml", "name: a\ninclude: [b.yaml, c.yaml, ./b.yaml]\n"), ("b.yaml", "include: [x/../a.yaml]\n")],
        &[],
        expect![[r#"
            E009 b.yaml:1:11 ⟨x/../a.yaml⟩ `x/../a.yaml` includes itself
                 take one `include:` out of the circle
            E001 a.yaml:2:19 ⟨c.yaml⟩ cannot read `c.yaml`: no such file or directory
            E009 a.yaml:2:27 ⟨./b.yaml⟩ `./b.yaml` is included twice
                 include it once, in the file that needs it first
        "#]],
    );
    check_files(
        &[("a.yaml", "name: a\ninclude: [\"${DIR}/b.yaml\"]\n")],
        &[],
        expect![[r#"
            E008 2:11 ⟨\"${DIR}/b.yaml\"⟩ the variable `DIR` is not set
                 give it with the command; paths are read before `vars:`
        "#]],
    );
}

#[test]
fn a_problem_in_an_included_file_is_told_there() {
    check_files(
        &[("a.yaml", "name: a\ninclude: [b.yaml]\n"), ("b.yaml", "nodes:\n  a: { mtu: 3 }\n  b: { knd: router }\n")],
        &[],
        expect![[r#"
            E004 b.yaml:3:8 ⟨knd⟩ unknown key `knd`
                 did you mean `kind`?
            E029 b.yaml:2:13 ⟨3⟩ an MTU of 3 is out of range
                 take one from 68 to 65535
        "#]],
    );
}

#[test]
fn stored_sources_give_the_same_topology_again() {
    let files = [
        ("a.yaml", "name: a\ninclude: [b.yaml]\nnodes: { \"n[1-${N}]\": {} }\n"),
        ("b.yaml", "nodes: { r: { kind: \"${KIND:-router}\" } }\n"),
    ];
    let (sources, first) = load_files(&files, &[("N", "2")]);
    let stored = serde_json::to_string(&sources).unwrap();
    let sources: netsim_core::spec::Sources = serde_json::from_str(&stored).unwrap();
    assert_eq!(shown(&sources.reload().unwrap()), shown(&first.unwrap()));
}

#[test]
fn the_schema_takes_a_variable_for_a_number_and_for_a_word() {
    let schema = netsim_core::spec::schema();
    let variable =
        |choices: &serde_json::Value| choices.as_array().is_some_and(|c| c.iter().any(|s| s["pattern"] == r"\$\{"));
    assert!(variable(&schema["$defs"]["NodeSpec"]["properties"]["mtu"]["anyOf"]), "{schema:#}");
    assert!(variable(&schema["$defs"]["KindSpec"]["oneOf"]), "{schema:#}");
}

#[test]
fn the_schema_describes_every_key() {
    let schema = netsim_core::spec::schema();
    let undescribed: Vec<String> = schema["$defs"]
        .as_object()
        .unwrap()
        .iter()
        .chain([(&"Spec".to_owned(), &schema)])
        .flat_map(|(name, def)| def["properties"].as_object().into_iter().flatten().map(move |(k, v)| (name, k, v)))
        .filter(|(_, _, v)| v["description"].as_str().is_none_or(str::is_empty))
        .map(|(name, key, _)| format!("{name}.{key}"))
        .collect();
    assert_eq!(undescribed, Vec::<String>::new());
}
