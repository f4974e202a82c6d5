//! A monitor sees all that the two others send each other, and nothing once its mirror is gone.

use std::time::Duration;

use super::support::capture::{Capture, Echo};
use super::support::switch::beside_a_switch;
use super::{answers, file, netns, nothing_left, shipped, steps};

const PATIENCE: Duration = Duration::from_millis(700);

#[test]
fn a_monitor_sees_both_directions_of_a_ping_and_nothing_when_the_mirror_is_gone() {
    let name = "mirror::a_monitor_sees_both_directions_of_a_ping_and_nothing_when_the_mirror_is_gone";
    beside_a_switch(name, |machine, switch| {
        let whole = shipped("mirror");
        machine.ok(["apply", &whole, "--check"]);
        let monitor = Capture::in_namespace("mirror-monitor");
        assert!(answers(netns("mirror-a"), "10.4.0.2"));
        let [a, b] = ["10.4.0.1", "10.4.0.2"].map(|address| address.parse().expect("an address"));
        let (there, back) = (Echo { from: a, to: b, is_reply: false }, Echo { from: b, to: a, is_reply: true });
        assert_eq!(monitor.echoes(PATIENCE), [there, back]);
        let shown = machine.ok(["show", "sw"]);
        assert!(
            shown.contains("mirror watch (in and out of mirror-a-eth0 and mirror-b-eth0, to mirror-monitor-eth0)"),
            "{shown}"
        );

        let text = std::fs::read_to_string(&whole).expect("it is shipped");
        let mirrors = text.find("    mirrors:\n").expect("it has one");
        let end = text.find("links:\n").expect("it has some");
        let without = file(machine, "without.yaml", &format!("{}{}", &text[..mirrors], &text[end..]));
        let removed = steps(machine, &without);
        assert_eq!(removed.len(), 1, "{removed:#?}");
        assert!(removed[0].starts_with("- mirror watch of OVS bridge sw"), "{removed:#?}");
        machine.ok(["apply", &without]);
        assert!(answers(netns("mirror-a"), "10.4.0.2"));
        assert_eq!(monitor.echoes(PATIENCE), []);
        assert_eq!(switch.vsctl("list Mirror"), "");

        let again = steps(machine, &whole);
        assert_eq!(again.len(), 1, "{again:#?}");
        machine.ok(["apply", &whole]);
        assert!(answers(netns("mirror-b"), "10.4.0.1"));
        let seen: Vec<bool> = monitor.echoes(PATIENCE).iter().map(|echo| echo.is_reply).collect();
        assert_eq!(seen, [false, true]);
        machine.ok(["destroy", "mirror"]);
        drop(monitor);
        nothing_left(machine, switch);
    });
}

#[test]
fn a_direction_is_what_the_switch_takes_in_or_sends_out() {
    beside_a_switch("mirror::a_direction_is_what_the_switch_takes_in_or_sends_out", |machine, switch| {
        let text = std::fs::read_to_string(shipped("mirror")).expect("it is shipped");
        for (direction, replies) in [("in", [false]), ("out", [true])] {
            let one =
                text.replace("from: [a, b], to: monitor", &format!("from: a, to: monitor, direction: {direction}"));
            assert_ne!(one, text);
            let file = file(machine, "one.yaml", &one);
            machine.ok(["apply", &file]);
            let monitor = Capture::in_namespace("mirror-monitor");
            assert!(answers(netns("mirror-a"), "10.4.0.2"));
            let seen: Vec<bool> = monitor.echoes(PATIENCE).iter().map(|echo| echo.is_reply).collect();
            assert_eq!(seen, replies, "{direction}");
        }
        machine.ok(["destroy", "mirror"]);
        nothing_left(machine, switch);
    });
}
