//! Every target, given its seeds, what once broke a promise, and small changes of both.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lodeman_fuzz::{TARGETS, Target, changed};

/// How many changes of each seed.
const CHANGES: u64 = 12;

fn gives(target: &Target, input: &[u8]) {
    let kept = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    assert!(kept.is_ok(), "{}: a promise is broken for {:?}", target.name, String::from_utf8_lossy(input));
}

#[test]
fn every_target_keeps_its_promises_for_its_seeds() {
    for target in TARGETS {
        let seeds = target.seeds();
        assert!(seeds.len() >= 5, "{} has seeds", target.name);
        for seed in &seeds {
            gives(target, seed);
        }
        for nothing in [&b""[..], b"\n", b"\0", b"\xff\xfe", b"{", b"=", &[b'a'; 5000], &[b'('; 3000]] {
            gives(target, nothing);
        }
    }
}

#[test]
fn every_target_keeps_its_promises_for_seeds_that_were_changed_a_little() {
    for target in TARGETS {
        let seeds = target.seeds();
        for (number, seed) in seeds.iter().enumerate() {
            for turn in 0..CHANGES {
                let other = &seeds[(number + usize::try_from(turn).unwrap_or(0)) % seeds.len()];
                gives(target, &changed(seed, other, turn));
            }
        }
    }
}

#[test]
fn every_target_has_its_program_and_every_program_its_target() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("libfuzzer");
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let named: Vec<&str> = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        .skip(1)
        .collect();
    let targets: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(named, targets);
    for name in targets {
        let program =
            std::fs::read_to_string(folder.join("fuzz_targets").join(format!("{name}.rs"))).unwrap();
        assert!(program.contains(&format!("\"{name}\"")), "{name}");
    }
}
