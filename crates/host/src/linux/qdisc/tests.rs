use netlink_packet_core::Emitable;
use netsim_core::resource::{Loss, Netem, Tbf};
use proptest::prelude::*;

use super::*;

/// What the dump of `tc qdisc add dev aa root WORDS` reads as.
fn dump(words: &str) -> Seen {
    let dumps = include_str!("dumps.txt");
    let hex = dumps.lines().skip_while(|line| *line != words).nth(1).unwrap_or_else(|| panic!("no dump of {words}"));
    let digits = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex");
    let bytes: Vec<u8> = hex.as_bytes().chunks_exact(2).map(digits).collect();
    decode(&bytes).expect("a queueing discipline at the root")
}

fn ours(kind: QdiscKind) -> Seen {
    Seen { index: 3, kind, ours: true }
}

fn netem(netem: Netem) -> Seen {
    ours(QdiscKind::Netem(Box::new(netem)))
}

/// A share as tc(8) turns it into what the kernel takes.
fn percent(percent: f64) -> u32 {
    (percent / 100.0 * f64::from(u32::MAX)).round_ties_even() as u32
}

#[test]
fn a_dump_of_netem_reads_as_what_tc_was_told() {
    let limit = 1000;
    let told = [
        ("handle 6e40: netem delay 10ms limit 1234", Netem { delay: 10_000_000, limit: 1234, ..Netem::default() }),
        (
            "handle 6e41: netem delay 100ms 20ms distribution normal loss 1% duplicate 0.5% corrupt 0.1% reorder 25% rate 100mbit ecn",
            Netem {
                delay: 100_000_000,
                jitter: 20_000_000,
                distribution: Distribution::Normal,
                loss: Loss::Random(percent(1.0)),
                duplicate: percent(0.5),
                corrupt: percent(0.1),
                reorder: percent(25.0),
                rate: 12_500_000,
                ecn: true,
                limit,
                seed: None,
            },
        ),
        (
            "handle 6e42: netem delay 5s loss gemodel 1% 10% 70% 0.1% rate 40gbit",
            Netem {
                delay: 5_000_000_000,
                distribution: Distribution::Pareto,
                loss: Loss::GilbertElliott { p: percent(1.0), r: percent(10.0), h: percent(70.0), k: percent(0.1) },
                rate: 5_000_000_000,
                limit,
                ..Netem::default()
            },
        ),
    ];
    for (words, told) in told {
        assert_eq!(dump(words), netem(told), "{words}");
    }
}

#[test]
fn a_dump_of_tbf_reads_as_what_tc_was_told() {
    let mbit_10 = Tbf { rate: 1_250_000, buffer: 128_000, limit: 102_400 };
    let gbit_40 = Tbf { rate: 5_000_000_000, buffer: 32_767, limit: 104_857_600 };
    for (words, told) in [("10mbit buffer 10k limit 100k", mbit_10), ("40gbit buffer 10m limit 100m", gbit_40)] {
        assert_eq!(dump(&format!("handle 6e44: tbf rate {words}")), ours(QdiscKind::Tbf(told)), "{words}");
    }
}

#[test]
fn what_we_never_give_reads_as_other() {
    let netem = [
        "6e40: netem delay 10ms 1ms 25%",
        "6e40: netem loss state 1% 2% 3% 4% 5%",
        "6e40: netem slot 10ms 20ms",
        "6e40: netem delay 10ms reorder 25% gap 5",
        "6e40: netem rate 1mbit 20",
        "6e48: netem delay 10ms",
    ];
    let tbf = [
        "6e44: tbf rate 10mbit buffer 10k limit 100k peakrate 20mbit mtu 1500",
        "6e44: tbf rate 10mbit buffer 10k limit 100k overhead 20",
        "6e40: tbf rate 10mbit buffer 10k limit 100k",
    ];
    let named = |words: &[&'static str], kind: &'static str| words.iter().map(|w| (*w, kind)).collect::<Vec<_>>();
    for (words, kind) in [named(&netem, "netem"), named(&tbf, "tbf"), named(&["6e44: htb"], "htb")].concat() {
        assert_eq!(dump(&format!("handle {words}")), ours(QdiscKind::Other(kind.into())), "{words}");
    }
    let by_hand = dump("handle 1: tbf rate 10mbit buffer 10k limit 100k");
    assert_eq!(by_hand, Seen { index: 3, kind: QdiscKind::Other("tbf".into()), ours: false });
}

fn any_loss() -> impl Strategy<Value = Loss> {
    let model = any::<[u32; 4]>().prop_map(|[p, r, h, k]| Loss::GilbertElliott { p, r, h, k });
    prop_oneof![any::<u32>().prop_map(Loss::Random), model]
}

fn any_distribution() -> impl Strategy<Value = Distribution> {
    use Distribution::{Normal, Pareto, Paretonormal, Uniform};
    proptest::sample::select(vec![Uniform, Normal, Pareto, Paretonormal])
}

prop_compose! {
    fn any_netem()(
        (delay, jitter, rate) in any::<(u64, u64, u64)>(),
        [duplicate, corrupt, reorder, limit] in any::<[u32; 4]>(),
        (ecn, seed) in any::<(bool, Option<u64>)>(),
        loss in any_loss(),
        distribution in any_distribution(),
    ) -> QdiscKind {
        QdiscKind::Netem(Box::new(
            Netem { delay, jitter, distribution, loss, duplicate, corrupt, reorder, rate, limit, ecn, seed },
        ))
    }
}

prop_compose! {
    fn any_tbf()((rate, buffer, limit) in any::<(u64, u32, u32)>()) -> QdiscKind {
        QdiscKind::Tbf(Tbf { rate, buffer, limit })
    }
}

fn read_back((_, message): &(u16, RouteNetlinkMessage)) -> Option<Seen> {
    let RouteNetlinkMessage::NewQueueDiscipline(message) = message else { return None };
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut bytes);
    decode(&bytes)
}

proptest! {
    #[test]
    fn every_queueing_discipline_reads_back_as_it_was_asked_for(
        from in proptest::option::of(prop_oneof![any_netem(), any_tbf()]),
        to in prop_oneof![any_netem(), any_tbf()],
    ) {
        let requests = put(3, from.as_ref(), &to);
        prop_assert_eq!(requests.last().and_then(read_back), Some(ours(to)));
    }
}

#[test]
fn settings_change_in_place_and_another_kind_is_grafted_on() {
    let netem = |netem: Netem| QdiscKind::Netem(Box::new(netem));
    let plain = netem(Netem { delay: 1, ..Netem::default() });
    let slower = netem(Netem { delay: 2, ..Netem::default() });
    let normal = netem(Netem { distribution: Distribution::Normal, ..Netem::default() });
    let twice = netem(Netem { duplicate: 1, distribution: Distribution::Pareto, ..Netem::default() });
    let tbf = QdiscKind::Tbf(Tbf { rate: 1, buffer: 1, limit: 1 });
    let other = QdiscKind::Other("htb".into());
    let new = NLM_F_CREATE | NLM_F_EXCL;
    let graft = NLM_F_CREATE | NLM_F_REPLACE;
    let flags = |from, to| put(3, from, to).into_iter().map(|(flags, _)| flags).collect::<Vec<_>>();
    assert_eq!(flags(None, &plain), [new]);
    assert_eq!(flags(Some(&plain), &slower), [0]);
    assert_eq!(flags(Some(&plain), &normal), [graft]);
    assert_eq!(flags(Some(&tbf), &plain), [graft]);
    // Deleted first.
    assert_eq!(flags(Some(&plain), &twice), [0, new]);
    assert_eq!(flags(Some(&twice), &plain), [0, new]);
    assert_eq!(flags(Some(&other), &plain), [0, new]);
}
