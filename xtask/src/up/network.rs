//! What an engine leaves on the machine's network when it ends, and taking it off again.

use std::path::Path;
use std::process::{Command, Stdio};

/// The bridge that an engine makes for itself.
const BRIDGE: &str = "docker0";

/// What an engine of ours is going to change, as it is before.
///
/// Nothing where another engine's traces are there already: they are not ours to take away.
pub fn before() -> Option<Before> {
    if Path::new("/sys/class/net").join(BRIDGE).exists() {
        return None;
    }
    let accepts = |program: &str| rules(program, "filter").iter().any(|rule| rule == "-P FORWARD ACCEPT");
    Some(Before { forwards: accepts("iptables"), forwards_v6: accepts("ip6tables") })
}

/// How the machine's network was before an engine of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Before {
    /// Whether it forwarded what no rule speaks of.
    forwards: bool,
    /// The same for version 6 of the protocol.
    forwards_v6: bool,
}

impl Before {
    /// Takes off what the engine left. It has ended by now.
    pub fn restore(self) {
        quietly("ip", &["link", "delete", BRIDGE]);
        for (program, forwards) in [("iptables", self.forwards), ("ip6tables", self.forwards_v6)] {
            for table in ["filter", "nat", "raw"] {
                let rules = rules(program, table);
                for arguments in undoing(&rules) {
                    let arguments: Vec<&str> = ["-t", table].into_iter().chain(arguments).collect();
                    quietly(program, &arguments);
                }
            }
            if forwards {
                quietly(program, &["-P", "FORWARD", "ACCEPT"]);
            }
        }
    }
}

/// The rules of a table, as they would be given.
fn rules(program: &str, table: &str) -> Vec<String> {
    let listed = Command::new(program).args(["-t", table, "-S"]).stderr(Stdio::null()).output();
    let text = listed.map(|listed| String::from_utf8_lossy(&listed.stdout).into_owned()).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// The calls that take an engine's rules and chains off again: first the rules that name them.
fn undoing(rules: &[String]) -> Vec<Vec<&str>> {
    let ours = |word: &str| word == BRIDGE || word.starts_with("DOCKER");
    let mut calls = Vec::new();
    let mut last = Vec::new();
    for rule in rules {
        let words: Vec<&str> = rule.split(' ').collect();
        match words[..] {
            ["-A", ref rest @ ..] if rest.iter().any(|word| ours(word)) => {
                calls.push(std::iter::once("-D").chain(rest.iter().copied()).collect());
            }
            ["-N", chain] if ours(chain) => {
                last.push(vec!["-F", chain]);
                last.push(vec!["-X", chain]);
            }
            _ => {}
        }
    }
    calls.extend(last);
    calls
}

/// Runs a program for what it does. That there is nothing to do is fine.
fn quietly(program: &str, arguments: &[&str]) {
    let _ = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rules_and_chains_of_an_engine_are_taken_off() {
        let rules = [
            "-P FORWARD DROP",
            "-N DOCKER",
            "-N MINE",
            "-A FORWARD -j MINE",
            "-A FORWARD -o docker0 -j DOCKER",
            "-A DOCKER -d 172.17.0.2/32 ! -i docker0 -j ACCEPT",
        ];
        let rules = rules.map(str::to_owned);
        let calls: Vec<String> = undoing(&rules).into_iter().map(|call| call.join(" ")).collect();
        assert_eq!(
            calls,
            [
                "-D FORWARD -o docker0 -j DOCKER",
                "-D DOCKER -d 172.17.0.2/32 ! -i docker0 -j ACCEPT",
                "-F DOCKER",
                "-X DOCKER",
            ]
        );
    }
}
