//! Tags as versions, and the rules by which newer ones are chosen.

use lodeman_domain::image::Tag;
use lodeman_domain::policy::{Glob, Selector};
use lodeman_domain::version::{
    Choice, Constraint, Rules, Scope, Step, TagPattern, Version, choose, display_version, rank_for_resolution,
};

use crate::input::{parts, text};

/// Tags one a line, of which three are compared with each other. The order is one, "newer" goes one way, and
/// to belong together is mutual.
pub(crate) fn order(input: &[u8]) {
    let text = text(input);
    let tags: Vec<Tag> = text.lines().filter_map(|line| line.parse().ok()).take(3).collect();
    for tag in &tags {
        assert!(!display_version(tag).is_empty());
    }
    let versions: Vec<Version> = tags.iter().filter_map(Version::parse).collect();
    for a in &versions {
        let text = a.tag().as_str();
        assert!(text.starts_with(a.prefix()) && text[a.prefix().len()..].starts_with(a.number()));
        assert!(!a.parts().is_empty() && a.number().starts_with(|c: char| c.is_ascii_digit()));
        assert!(a.cmp(a).is_eq() && a.comparable_with(a) && !a.covers(a) && Step::between(a, a).is_none());
        for b in &versions {
            assert_eq!(a.cmp(b), b.cmp(a).reverse(), "one is before the other or behind it");
            assert_eq!(a.cmp(b).is_eq(), a.tag() == b.tag(), "only the same is equal");
            assert_eq!(a.comparable_with(b), b.comparable_with(a), "to belong together is mutual");
            assert_eq!(a.comparable_but_for_v(b), b.comparable_but_for_v(a));
            if a.comparable_with(b) {
                let both = Step::between(a, b).is_some() && Step::between(b, a).is_some();
                assert!(!both, "of two only one is newer");
            }
            assert!(!(a.covers(b) && b.covers(a)));
            for c in &versions {
                assert!(!(a <= b && b <= c) || a <= c, "what is behind the second is behind the first");
            }
        }
    }
    let mut ranked = rank_for_resolution(&Tag::latest(), &tags);
    assert_eq!(ranked.len(), versions.len(), "each version has its place");
    ranked.retain(|tag| !tags.contains(tag));
    assert!(ranked.is_empty());
}

/// The rules in lines with `=`.
fn rules(lines: &str) -> Rules {
    let mut rules = Rules::default();
    for (key, value) in lines.lines().filter_map(|line| line.split_once('=')) {
        match key {
            "scope" => rules.scope = value.parse().unwrap_or_default(),
            "include" => rules.include = value.parse().ok(),
            "exclude" => rules.exclude = value.parse().ok(),
            "constraint" => rules.constraint = value.parse().ok(),
            "prerelease" => rules.prerelease = value == "1",
            "variant" => rules.variant = value.parse().unwrap_or_default(),
            "ignore" => rules.ignored.extend(value.parse::<Tag>()),
            _ => {}
        }
    }
    rules
}

/// The tag that runs, then tags, one a line, and rules. What is offered is published, newer, and within
/// the rules; the order of the list does not matter; following the offers comes to an end.
pub(crate) fn choosing(input: &[u8]) {
    let text = text(input);
    let ([current], rest) = parts::<1>(&text);
    let Ok(current) = current.parse::<Tag>() else { return };
    let tags: Vec<Tag> = rest.lines().filter_map(|line| line.parse().ok()).take(200).collect();
    let rules = rules(rest);
    let choice = choose(&current, &tags, &rules);
    assert_eq!(choose(&current, tags.iter().rev(), &rules), choice, "the order of the list does not matter");
    assert_eq!(choose(&current, tags.iter().chain(&tags), &rules), choice, "nor do repeats");
    assert_eq!(choice.candidates.is_empty(), choice.why_none.is_some());

    let Some(running) = Version::parse(&current) else {
        assert!(choice.candidates.is_empty(), "nothing is newer than what is no version");
        return;
    };
    for found in &choice.candidates {
        let text = found.tag.as_str();
        assert!(tags.contains(&found.tag) && found.version.tag() == &found.tag, "it is published");
        assert_eq!(Step::between(&running, &found.version), Some(found.step), "it is newer");
        let follows = running.comparable_with(&found.version) || running.comparable_but_for_v(&found.version);
        assert!(follows && rules.scope.admits(&running, &found.version), "it is of the same series");
        assert!(!rules.ignored.contains(&found.tag));
        assert!(rules.include.as_ref().is_none_or(|pattern| pattern.matches(text)));
        assert!(!rules.exclude.as_ref().is_some_and(|pattern| pattern.matches(text)));
        assert!(rules.constraint.as_ref().is_none_or(|range| range.admits(&found.version)));
        assert!(rules.prerelease || running.is_prerelease() || !found.version.is_prerelease());
    }
    for pair in choice.candidates.windows(2) {
        let step = Step::between(&pair[1].version, &pair[0].version);
        assert!(step.is_some(), "newest first: {} before {}", pair[0].tag, pair[1].tag);
    }
    scopes(&current, &running, &tags, &rules, &choice);
    follow(&current, &tags, &rules);
}

/// A narrower scope offers those of a wider one that it admits.
fn scopes(current: &Tag, running: &Version, tags: &[Tag], rules: &Rules, choice: &Choice) {
    let wide = choose(current, tags, &Rules { scope: Scope::Major, ..rules.clone() });
    let within = |found: &&lodeman_domain::version::Candidate| rules.scope.admits(running, &found.version);
    let expected: Vec<&Tag> = wide.candidates.iter().filter(within).map(|found| &found.tag).collect();
    let found: Vec<&Tag> = choice.candidates.iter().map(|found| &found.tag).collect();
    assert_eq!(found, expected, "a scope hides and adds nothing");
    assert_eq!(wide.newest_within(rules.scope).map(|found| &found.tag), found.first().copied());
}

/// Who always takes the newest one comes to an end, and never comes back.
fn follow(current: &Tag, tags: &[Tag], rules: &Rules) {
    let mut been = vec![current.clone()];
    while let Some(next) = choose(&been[been.len() - 1], tags, rules).candidates.first() {
        assert!(!been.contains(&next.tag), "{} is offered again after {been:?}", next.tag);
        been.push(next.tag.clone());
    }
}

/// Two constraints, a pattern, a selector, then tags. "And" and "or" mean that, and what is read is written
/// as it was.
pub(crate) fn filters(input: &[u8]) {
    let text = text(input);
    let ([one, other, pattern, selector], rest) = parts::<4>(&text);
    let versions = rest.lines().filter_map(|line| Version::parse(&line.parse().ok()?)).take(50);
    let versions: Vec<Version> = versions.collect();
    let constraint = |text: &str| text.parse::<Constraint>();
    if let (Ok(a), Ok(b)) = (constraint(one), constraint(other)) {
        assert_eq!(a.as_str(), one.trim());
        let simple = !one.contains("||") && !other.contains("||");
        // Two constraints together may be longer than one may be.
        let both = constraint(&format!("{one} {other}")).ok().filter(|_| simple);
        let either = constraint(&format!("{one} || {other}")).ok();
        assert!(either.is_some() || one.len() + other.len() > 200, "two constraints can be alternatives");
        for version in &versions {
            let (a, b) = (a.admits(version), b.admits(version));
            assert!(both.as_ref().is_none_or(|both| both.admits(version) == (a && b)), "and: {version:?}");
            assert!(either.as_ref().is_none_or(|any| any.admits(version) == (a || b)), "or: {version:?}");
        }
    }
    if let Ok(pattern) = pattern.parse::<TagPattern>() {
        let again: TagPattern = pattern.as_str().parse().expect("it is read as it is written");
        for version in &versions {
            let text = version.tag().as_str();
            assert_eq!(pattern.matches(text), again.matches(text));
        }
    }
    if let Ok(selector) = selector.parse::<Selector>() {
        assert_eq!(selector.to_string().parse().as_ref(), Ok(&selector));
    }
    if let Ok(glob) = selector.parse::<Glob>() {
        let escaped: String = selector.chars().flat_map(|letter| ['\\', letter]).collect();
        if let Ok(literal) = escaped.parse::<Glob>() {
            assert!(literal.matches(selector), "what is escaped is itself");
        }
        let _ = glob.matches(rest);
    }
}
