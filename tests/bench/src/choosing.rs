//! Choosing the newer versions out of a very long list of tags, beside sorting the same list.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use lodeman_domain::image::Tag;
use lodeman_domain::version::{Rules, Scope, choose};

use crate::Setting;
use crate::report::{Measure, Unit};

/// A list as long as that of the biggest repositories, of the shapes that they have side by side.
fn tags(count: u32) -> Result<Vec<Tag>> {
    let shape = |n: u32| {
        let (major, minor, patch) = (1 + n / 20_000, n / 200 % 100, n % 200);
        match n % 10 {
            0 | 1 => format!("{major}.{minor}.{patch}"),
            2 => format!("{major}.{minor}.{patch}-alpine3.{}", 10 + n % 12),
            3 => format!("{major}.{minor}.{patch}-rc{}", n % 4),
            4 => format!("v{major}.{minor}.{patch}"),
            5 => format!("{major}.{minor}.{patch}.{}-ls{}", n % 5000, n % 300),
            6 => format!("2{:03}{:02}{:02}", n % 26, 1 + n % 12, 1 + n % 28),
            7 => format!("sha-{:07x}", n.wrapping_mul(2_654_435_761) >> 4),
            8 => format!("{major}.{minor}-slim-bookworm"),
            _ => format!("pr-{n}"),
        }
    };
    // In no order, as registries give them.
    (0..count).map(|n| Ok(shape(n.wrapping_mul(7_919) % count).parse()?)).collect()
}

pub fn measure(setting: &Setting) -> Result<Vec<Measure>> {
    let tags = tags(100_000)?;
    let current: Tag = "1.20.3".parse()?;
    let rules = Rules { scope: Scope::Major, ..Rules::default() };
    let mut pairs = Vec::new();
    let mut found = 0;
    for _ in 0..setting.runs * 4 {
        let began = Instant::now();
        let choice = choose(&current, &tags, &rules);
        let ours = began.elapsed();
        found = choice.candidates.len();
        let mut texts: Vec<&str> = tags.iter().map(Tag::as_str).collect();
        let began = Instant::now();
        texts.sort_unstable();
        let theirs = began.elapsed();
        ensure!(found > 0 && texts.is_sorted(), "the list has newer versions");
        pairs.push((Unit::Milliseconds.of(ours), Unit::Milliseconds.of(theirs)));
    }
    let first = tags.first().context("the list has tags")?;
    let note = format!("{found} candidates for {current} among {} tags such as {first}", tags.len());
    let name = "choosing among 100,000 tags";
    Ok(vec![Measure::of(name, "sorting the same texts", Unit::Milliseconds, &pairs).note(note)])
}
