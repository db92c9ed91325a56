//! Response headers that registries steer us by: `Link`, `Retry-After`, the quota headers.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lodeman_registry::{QuotaNotice, QuotaReset};
use reqwest::header::HeaderMap;

/// The target of `rel="next"` in a `Link` header (RFC 8288), as written. Total.
pub(crate) fn next_link(headers: &HeaderMap) -> Option<String> {
    headers.get_all("link").iter().filter_map(|value| value.to_str().ok()).find_map(next_in)
}

fn next_in(text: &str) -> Option<String> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, after) = after.split_once('>')?;
        let end = end_of_link(after);
        if params(&after[..end]).any(|(key, value)| {
            key.eq_ignore_ascii_case("rel")
                && value.split_whitespace().any(|r| r.eq_ignore_ascii_case("next"))
        }) {
            return Some(target.trim().to_owned()).filter(|target| !target.is_empty());
        }
        rest = &after[end..];
    }
    None
}

/// Where the parameters of one link end: at a comma outside quotes.
fn end_of_link(text: &str) -> usize {
    let mut quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

fn params(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(';').filter_map(|part| {
        let (key, value) = part.split_once('=')?;
        Some((key.trim(), value.trim().trim_matches('"')))
    })
}

/// How long to wait, from `Retry-After`: seconds or a date (RFC 9110, 10.2.3).
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// What an answer says about the quota, in either form that is in use: `RateLimit-*`, where a window
/// stands behind `;w=` or a reset in its own header, and `X-RateLimit-*`, whose reset is an epoch.
pub(crate) fn quota_notice(headers: &HeaderMap, now: Timestamp) -> Option<QuotaNotice> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let number = |name: &str| text(name).and_then(leading_number);
    let in_seconds = |seconds: u64| {
        let span = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        now.saturating_add(span).unwrap_or(Timestamp::MAX)
    };
    if let (Some(limit), Some(remaining)) = (number("ratelimit-limit"), number("ratelimit-remaining")) {
        let window = || ["ratelimit-limit", "ratelimit-remaining"].into_iter().find_map(|n| window(text(n)?));
        let reset = match number("ratelimit-reset") {
            Some(seconds) => QuotaReset::At(in_seconds(seconds)),
            None => window().map_or(QuotaReset::Unknown, QuotaReset::Window),
        };
        return Some(QuotaNotice { limit, remaining, reset });
    }
    let (limit, remaining) = (number("x-ratelimit-limit")?, number("x-ratelimit-remaining")?);
    // Some servers send the seconds that are left instead of an epoch; no epoch is that small.
    let reset = match number("x-ratelimit-reset") {
        None => QuotaReset::Unknown,
        Some(seconds) if seconds < 1_000_000_000 => QuotaReset::At(in_seconds(seconds)),
        Some(epoch) => i64::try_from(epoch)
            .ok()
            .and_then(|second| Timestamp::from_second(second).ok())
            .map_or(QuotaReset::Unknown, QuotaReset::At),
    };
    Some(QuotaNotice { limit, remaining, reset })
}

fn leading_number(text: &str) -> Option<u64> {
    text.split([';', ',']).next()?.trim().parse().ok()
}

fn window(text: &str) -> Option<Duration> {
    let seconds = params(text).find(|(key, _)| *key == "w")?.1.parse().ok()?;
    Some(Duration::from_secs(seconds)).filter(|window| !window.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap()
    }

    fn at(second: i64) -> QuotaReset {
        QuotaReset::At(Timestamp::from_second(second).unwrap())
    }

    #[test]
    fn the_next_page_is_found_among_links() {
        for (text, expected) in [
            (r#"</v2/a/tags/list?last=b&n=50>; rel="next""#, Some("/v2/a/tags/list?last=b&n=50")),
            (r#"<https://r/x>; rel=prev, <https://r/y>; title="a,b"; rel="last Next""#, Some("https://r/y")),
            (r#"<https://r/x>; rel="prev""#, None),
            ("<https://r/x", None),
            ("<>; rel=next", None),
            ("", None),
        ] {
            assert_eq!(next_link(&headers(&[("link", text)])).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_wait_is_told_in_seconds_or_as_a_date() {
        for (text, expected) in [
            ("120", Some(120)),
            ("Tue, 14 Nov 2023 22:14:20 GMT", Some(60)),
            ("Tue, 14 Nov 2023 22:00:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
        ] {
            let found = retry_after(&headers(&[("retry-after", text)]), now());
            assert_eq!(found, expected.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn quotas_are_read_in_both_forms() {
        let window = |seconds| QuotaReset::Window(Duration::from_secs(seconds));
        for (pairs, expected) in [
            (
                &[("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "76;w=21600")][..],
                Some((100, 76, window(21600))),
            ),
            (
                &[("ratelimit-limit", "10, 10;w=1"), ("ratelimit-remaining", "9"), ("ratelimit-reset", "30")],
                Some((10, 9, at(1_700_000_030))),
            ),
            (
                &[("ratelimit-limit", "100"), ("ratelimit-remaining", "5")],
                Some((100, 5, QuotaReset::Unknown)),
            ),
            (
                &[
                    ("x-ratelimit-limit", "60"),
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", "1700000500"),
                ],
                Some((60, 0, at(1_700_000_500))),
            ),
            (
                &[("x-ratelimit-limit", "60"), ("x-ratelimit-remaining", "1"), ("x-ratelimit-reset", "9")],
                Some((60, 1, at(1_700_000_009))),
            ),
            (&[("ratelimit-limit", "100;w=21600")], None),
            (&[("ratelimit-limit", "many"), ("ratelimit-remaining", "76")], None),
            (&[], None),
        ] {
            let expected = expected.map(|(limit, remaining, reset)| QuotaNotice { limit, remaining, reset });
            assert_eq!(quota_notice(&headers(pairs), now()), expected, "{pairs:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_header_makes_the_parsers_stumble(text in "[ -~]{0,120}") {
            let link = headers(&[("link", &text)]);
            if let Some(target) = next_link(&link) {
                proptest::prop_assert!(text.contains(&target));
            }
            let all = headers(&[
                ("ratelimit-limit", &text), ("ratelimit-remaining", &text), ("ratelimit-reset", &text),
                ("x-ratelimit-limit", &text), ("x-ratelimit-remaining", &text), ("x-ratelimit-reset", &text),
                ("retry-after", &text),
            ]);
            if let Some(notice) = quota_notice(&all, now()) {
                proptest::prop_assert_eq!(notice.limit, notice.remaining);
            }
            let _ = retry_after(&all, now());
        }
    }
}
