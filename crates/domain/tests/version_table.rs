//! Tag lists of well-known image families, each with what should be offered. See `version_table/README.md`
//! for how the tables are written.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which may stop at a mistake in a table")]

use lodeman_domain::image::Tag;
use lodeman_domain::version::{Choice, Rules, Scope, VariantRule, choose};

const TABLES: [(&str, &str); 8] = [
    ("official", include_str!("version_table/official.txt")),
    ("linuxserver", include_str!("version_table/linuxserver.txt")),
    ("self_hosted", include_str!("version_table/self_hosted.txt")),
    ("infrastructure", include_str!("version_table/infrastructure.txt")),
    ("media", include_str!("version_table/media.txt")),
    ("household", include_str!("version_table/household.txt")),
    ("company", include_str!("version_table/company.txt")),
    ("traps", include_str!("version_table/traps.txt")),
];

struct List<'a> {
    place: String,
    family: &'a str,
    tags: Vec<String>,
    questions: Vec<&'a str>,
}

fn read<'a>(name: &str, table: &'a str) -> Vec<List<'a>> {
    let mut lists: Vec<List<'a>> = Vec::new();
    for (index, line) in table.lines().enumerate() {
        let line = line.trim();
        let list = lists.last_mut();
        match (line, list) {
            ("", _) => {}
            (comment, _) if comment.starts_with('#') => {}
            (head, _) if head.starts_with('[') => {
                let family = head[1..].split(']').next().unwrap_or_default();
                let place = format!("{name}.txt:{}", index + 1);
                lists.push(List { place, family, tags: Vec::new(), questions: Vec::new() });
            }
            (question, Some(list)) if question.contains("=>") => list.questions.push(question),
            (tags, Some(list)) => list.tags.extend(tags.split_whitespace().flat_map(expand)),
            (stray, None) => panic!("{name}.txt:{} is outside a list: {stray}", index + 1),
        }
    }
    lists
}

fn ask(list: &List<'_>, question: &str) -> Choice {
    let mut words = question.split_whitespace();
    let current = tag(words.next().unwrap());
    let mut rules = Rules::default();
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "scope" => rules.scope = value.parse::<Scope>().unwrap(),
            "pre" => rules.prerelease = true,
            "variant" => rules.variant = value.parse::<VariantRule>().unwrap(),
            "include" => rules.include = Some(value.parse().unwrap()),
            "exclude" => rules.exclude = Some(value.parse().unwrap()),
            "constraint" => rules.constraint = Some(value.parse().unwrap()),
            "ignored" => rules.ignored = value.split(',').map(tag).collect(),
            other => panic!("{}: unknown rule {other}", list.place),
        }
    }
    let tags: Vec<_> = list.tags.iter().map(|text| tag(text)).collect();
    choose(&current, &tags, &rules)
}

/// What is wrong with `choice`, held against the right-hand side of a question.
fn mistakes(choice: &Choice, expected: &str) -> Vec<String> {
    let (tags, facts) = expected.split_once(';').unwrap_or((expected, ""));
    let mut wanted: Vec<&str> = tags.split_whitespace().filter(|t| *t != "-").collect();
    let mut got: Vec<&str> = choice.candidates.iter().map(|c| c.tag.as_str()).collect();
    if wanted.last() == Some(&"...") {
        wanted.pop();
        got.truncate(wanted.len());
    }
    let mut wrong = Vec::new();
    if wanted != got {
        wrong.push(format!("offered {got:?}"));
    }
    let show = |tag: Option<&Tag>| tag.map_or("-".to_owned(), ToString::to_string);
    for fact in facts.split_whitespace() {
        let (key, value) = fact.split_once('=').unwrap();
        let is = match key {
            "beyond" => choice.beyond_scope.count.to_string(),
            "newest" => show(choice.beyond_scope.newest.as_ref()),
            "held" => choice.held_prereleases.to_string(),
            "orphans" => choice.orphans.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
            "why" => serde_json::to_value(choice.why_none).unwrap().as_str().unwrap_or("-").to_owned(),
            "patch" => show(choice.newest_patch().map(|c| &c.tag)),
            "step" => {
                let step = serde_json::to_value(choice.candidates.first().map(|c| c.step)).unwrap();
                step.as_str().unwrap_or("-").to_owned()
            }
            other => panic!("unknown fact {other}"),
        };
        if is != value {
            wrong.push(format!("{key} is {is}, not {value}"));
        }
    }
    wrong
}

fn tag(text: &str) -> Tag {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Writes out `{a,b}` (an empty alternative is allowed) and `{1..4}` (`{01..12}` keeps its zeros).
fn expand(text: &str) -> Vec<String> {
    let Some(start) = text.find('{') else { return vec![text.to_owned()] };
    let end = start + text[start..].find('}').unwrap_or_else(|| panic!("{text} has no end"));
    let inner = &text[start + 1..end];
    let alternatives: Vec<String> = match inner.split_once("..") {
        Some((from, to)) => {
            let number = |text: &str| text.parse::<u64>().unwrap_or_else(|error| panic!("{text}: {error}"));
            (number(from)..=number(to)).map(|n| format!("{n:0width$}", width = from.len())).collect()
        }
        None => inner.split(',').map(str::to_owned).collect(),
    };
    let written = |middle: &String| format!("{}{middle}{}", &text[..start], &text[end + 1..]);
    alternatives.iter().map(written).flat_map(|text| expand(&text)).collect()
}

#[test]
fn every_family_is_offered_what_a_maintainer_would_choose() {
    let mut failures = Vec::new();
    for (name, table) in TABLES {
        for list in read(name, table) {
            for question in &list.questions {
                let (asked, expected) = question.split_once("=>").unwrap();
                let wrong = mistakes(&ask(&list, asked), expected);
                if !wrong.is_empty() {
                    failures.push(format!(
                        "{} [{}] {question}\n    {}",
                        list.place,
                        list.family,
                        wrong.join("; ")
                    ));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} answers are wrong:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_answers_do_not_depend_on_the_order_of_the_tags() {
    for (name, table) in TABLES {
        for mut list in read(name, table) {
            for question in list.questions.clone() {
                let (asked, _) = question.split_once("=>").unwrap();
                let forward = ask(&list, asked);
                list.tags.reverse();
                assert_eq!(forward, ask(&list, asked), "{} {question}", list.place);
                list.tags.sort();
                assert_eq!(forward, ask(&list, asked), "{} {question}", list.place);
            }
        }
    }
}

#[test]
fn the_tables_hold_at_least_300_lists_that_each_name_their_family() {
    let lists: Vec<_> = TABLES.iter().flat_map(|(name, table)| read(name, table)).collect();
    assert!(lists.len() >= 300, "{} lists", lists.len());
    for list in &lists {
        assert!(!list.family.is_empty() && !list.tags.is_empty(), "{} is incomplete", list.place);
        assert!(!list.questions.is_empty(), "{} asks nothing", list.place);
    }
}
