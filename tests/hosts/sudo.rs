//! Hosts where root does not log in: the agent is started by sudo itself.

use crate::bed::*;

/// A user who may do everything by sudo without a password, and one who may do nothing; root stays away.
const USERS: &str = r#"for user in op guest; do
          useradd -M -d "/run/$user" -s /bin/bash -p '*' $user; install -d -o $user -m 700 "/run/$user"
        done
        echo 'op ALL=(root) NOPASSWD: ALL' >/etc/sudoers.d/op; chmod 440 /etc/sudoers.d/op
        sed -i 's/^PermitRootLogin.*/PermitRootLogin no/' /run/bed/sshd_config"#;

fn missing() -> bool {
    let there = std::process::Command::new("sudo").arg("-V").output().is_ok();
    if !there {
        eprintln!("SKIPPED with sudo: not installed: sudo");
    }
    !there
}

#[test]
fn a_lab_is_made_by_a_user_with_sudo_where_root_does_not_log_in() {
    if missing() {
        return;
    }
    with_hosts("sudo::a_lab_is_made_by_a_user_with_sudo_where_root_does_not_log_in", 2, USERS, || {
        let as_user = |user: &str, sudo: &str| {
            let host = |n: u32| format!("  host{n}: {{ ssh: {user}@host{n}{sudo} }}\n");
            format!(
                "name: t\nhosts:\n{}{}nodes:\n  a: {{ host: host1 }}\n  b: {{ host: host2 }}\nlinks:\n  - {{ endpoints: [a, b] }}\n",
                host(1),
                host(2)
            )
        };
        file("root.yaml", &as_user("root", ""));
        let said = netsim("apply root.yaml").fails();
        assert!(said.contains("E154") && said.contains("Permission denied"), "{said}");
        file("own.yaml", &as_user("op", ""));
        let said = netsim("apply own.yaml").fails();
        assert!(said.contains("E155") && said.contains("sudo: true"), "{said}");
        file("guest.yaml", &as_user("guest", ", sudo: true"));
        let said = netsim("apply guest.yaml").fails();
        assert!(said.contains("E155") && said.contains("sudo: a password is required"), "{said}");

        file("t.yaml", &as_user("op", ", sudo: true"));
        let said = netsim("apply t.yaml --check").ok();
        assert!(said.contains("2 pairs, each as it should be"), "{said}");
        assert!(netsim("apply t.yaml").ok().contains("nothing to do"));
        assert_eq!(netsim("exec t/b -- cat /proc/sys/kernel/hostname").ok().trim(), "host2");
        assert_eq!(netsim("exec t/b -- false").ends(1), "");
        on_console("host2", "ip -n t-b link set eth0 down");
        assert!(netsim("status t").ok().contains("changed  b:eth0: up → down"));
        netsim("apply t.yaml --check").ok();

        // A controller that is killed takes its agents along, though sudo stands between them.
        let mut child = program("apply t.yaml --check").spawn().expect("it was built");
        waits_until(|| is_running("host1"));
        child.kill().and_then(|()| child.wait()).expect("it is our child");
        for host in ["host1", "host2"] {
            waits_until(|| !is_running(host));
        }
        netsim("destroy t").ok();
        for host in ["host1", "host2"] {
            on_console(host, "test -z \"$(ls /run/netns)\" && test ! -e /run/netsim && ! pgrep -x netsim");
        }
    });
}

/// Whether an agent runs there, looked at from its console.
fn is_running(host: &str) -> bool {
    let look = ["-t", &first_process(host), "-a", "pgrep", "-x", "netsim"];
    std::process::Command::new("nsenter").args(look).output().expect("util-linux is there").status.success()
}
