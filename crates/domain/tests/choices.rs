//! A table of tag lists modelled on real image families, each with the version a careful maintainer
//! would offer.

#![expect(clippy::unwrap_used, reason = "a row that cannot be read has failed")]

use lodeman_domain::image::Tag;
use lodeman_domain::version::{Rules, choose};

const TABLE: &str = include_str!("choices.txt");

fn rules(text: &str) -> Rules {
    let mut rules = Rules::default();
    for word in text.split_whitespace() {
        match word.split_once('=') {
            Some(("scope", scope)) => rules.scope = scope.parse().unwrap(),
            Some(("variant", variant)) => rules.variant = variant.parse().unwrap(),
            Some(("include", pattern)) => rules.include = Some(pattern.parse().unwrap()),
            Some(("exclude", pattern)) => rules.exclude = Some(pattern.parse().unwrap()),
            Some(("constraint", range)) => rules.constraint = Some(range.parse().unwrap()),
            None if word == "pre" => rules.prerelease = true,
            _ => panic!("`{word}` is no rule"),
        }
    }
    rules
}

#[test]
fn each_family_is_offered_what_its_maintainer_would_offer() {
    let rows: Vec<&str> = TABLE.lines().filter(|l| !l.starts_with('#')).collect();
    assert!(rows.len() >= 215, "{} rows", rows.len());
    let mut wrong = Vec::new();
    for row in rows {
        let fields: Vec<&str> = row.split(" | ").map(str::trim).collect();
        let [family, current, given, tags, expected] = fields[..] else {
            panic!("`{row}` has not five fields")
        };
        let tags: Vec<Tag> = tags.split_whitespace().map(|t| t.parse().unwrap()).collect();
        let choice = choose(&current.parse().unwrap(), &tags, &rules(given));
        let offered = choice.candidates.first().map_or("-", |c| c.tag.as_str());
        if offered != expected {
            wrong.push(format!("{family}: {current} ({given}) is offered {offered}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
