//! What a tag such as `latest` stands for: an order in which to look, for display only.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use super::marks::Mark;
use super::{Version, words};
use crate::image::Tag;

/// The versions among `tags` in the order in which one of them most likely names the same image as
/// `meant`, a tag that is no version itself, like `latest` or `stable-alpine`.
///
/// First those whose words agree best with the words of `meant`, releases before pre-releases, the
/// scheme that most tags have before others; then the highest, the most specific spelling first.
#[must_use]
pub fn rank_for_resolution<'a>(meant: &Tag, tags: impl IntoIterator<Item = &'a Tag>) -> Vec<Tag> {
    let wanted: HashSet<String> = words_of_text(meant.as_str());
    let versions: Vec<Version> = tags.into_iter().filter_map(Version::parse).collect();
    let mut schemes: HashMap<_, usize> = HashMap::new();
    for version in &versions {
        *schemes.entry(version.scheme).or_default() += 1;
    }
    let rank = |version: &Version| {
        let words = words_of(version);
        let differing = words.symmetric_difference(&wanted).count();
        (differing, version.is_prerelease(), Reverse(schemes.get(&version.scheme).copied()))
    };
    let mut ranked: Vec<_> = versions.iter().map(|version| (rank(version), version)).collect();
    ranked.sort_by(|(rank_a, a), (rank_b, b)| {
        let shortest = |v: &Version| Reverse(v.tag().as_str().len());
        rank_a
            .cmp(rank_b)
            .then_with(|| b.scheme.cmp(&a.scheme))
            .then_with(|| b.cmp_release(a))
            .then_with(|| b.parts().len().cmp(&a.parts().len()))
            .then_with(|| shortest(b).cmp(&shortest(a)))
            .then_with(|| b.cmp(a))
    });
    ranked.into_iter().map(|(_, version)| version.tag().clone()).collect()
}

/// The version that `tag` names, as short as people say it: without prefix, flavour and build. The
/// tag itself where it names none.
#[must_use]
pub fn display_version(tag: &Tag) -> String {
    let Some(version) = Version::parse(tag) else { return tag.to_string() };
    let mut shown = version.number().to_owned();
    if version.letter > 0 {
        shown.push(char::from(b'a' + version.letter - 1));
    }
    if let Some(pre) = &version.pre {
        shown.push('-');
        shown.push_str(pre.stage.word);
        let numbers: Vec<String> = pre.numbers.iter().map(ToString::to_string).collect();
        shown.push_str(&numbers.join("."));
    }
    shown
}

fn words_of_text(text: &str) -> HashSet<String> {
    let words = text.split(['-', '_', '.']).map(|piece| piece.trim_end_matches(|c: char| c.is_ascii_digit()));
    let telling = words.filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic()));
    telling.map(str::to_ascii_lowercase).filter(|word| !words::is_neutral(word)).collect()
}

/// The words of a version that tell which variant of the image it is.
fn words_of(version: &Version) -> HashSet<String> {
    let text = version.tag().as_str();
    let mut words = words_of_text(version.prefix());
    for mark in &version.marks {
        match mark {
            Mark::Flavour(name) | Mark::System { name, .. } => {
                words.extend(words_of_text(&text[name.clone()]));
            }
            Mark::Counter { .. } | Mark::Revision { .. } | Mark::Commit => {}
        }
    }
    words.extend(version.pre.as_ref().map(|pre| pre.stage.word.to_owned()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranked(meant: &str, tags: &str) -> Vec<String> {
        let tags: Vec<Tag> = tags.split(' ').map(|t| t.parse().unwrap()).collect();
        rank_for_resolution(&meant.parse().unwrap(), &tags).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn latest_is_looked_for_among_plain_releases_first() {
        let tags = "latest 1.26.2 1.27 1.27.3-alpine 1.27.3 1 1.28.0-rc1 alpine 20191231";
        let expected = ["1.27.3", "1.27", "1.26.2", "1", "20191231", "1.27.3-alpine", "1.28.0-rc1"];
        assert_eq!(ranked("latest", tags), expected);
    }

    #[test]
    fn words_in_the_tag_choose_the_variant() {
        let tags = "1.27.3 1.27.3-alpine3.20 1.27.3-alpine 1.26.2-alpine-slim";
        assert_eq!(ranked("stable-alpine", tags)[..2], ["1.27.3-alpine", "1.27.3-alpine3.20"]);
        assert_eq!(ranked("nightly", "2.0.0-nightly.3 1.9.0")[0], "2.0.0-nightly.3");
    }

    #[test]
    fn build_tags_of_one_version_come_after_its_plain_tag() {
        let tags = "4.0.9.2244-ls240 version-4.0.9.2244 4.0.9.2244";
        assert_eq!(ranked("latest", tags), ["4.0.9.2244", "4.0.9.2244-ls240", "version-4.0.9.2244"]);
    }

    #[test]
    fn a_version_is_shown_without_what_surrounds_it() {
        for (tag, shown) in [
            ("v1.2.3", "1.2.3"),
            ("version-4.0.9.2244-ls240", "4.0.9.2244"),
            ("RELEASE.2024-11-07T00-52-20Z", "2024-11-07T00-52-20Z"),
            ("18beta1-alpine3.20", "18-beta1"),
            ("2024-02-06b", "2024-02-06b"),
            ("2024.01.05", "2024.01.05"),
            ("stable-alpine", "stable-alpine"),
        ] {
            assert_eq!(display_version(&tag.parse().unwrap()), shown);
        }
    }
}
