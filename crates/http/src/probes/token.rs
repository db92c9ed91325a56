//! A bearer token, compared without telling by its time how much of it is right.

use http::{HeaderMap, header};
use secrecy::{ExposeSecret as _, SecretString};

/// Whether the request shows `token`.
pub(super) fn is_shown(headers: &HeaderMap, token: &SecretString) -> bool {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return false };
    let Some((scheme, shown)) = value.to_str().ok().and_then(|v| v.split_once(' ')) else { return false };
    scheme.eq_ignore_ascii_case("bearer") && same(shown.trim().as_bytes(), token.expose_secret().as_bytes())
}

fn same(shown: &[u8], secret: &[u8]) -> bool {
    let mut differs = u8::from(shown.len() != secret.len());
    for (at, byte) in shown.iter().enumerate() {
        // Every shown byte costs the same, whatever was before it.
        let other = secret.get(at).copied().unwrap_or_default();
        differs |= std::hint::black_box(byte ^ other);
    }
    differs == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shows(value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        is_shown(&headers, &SecretString::from("0123456789abcdef"))
    }

    #[test]
    fn only_the_whole_token_opens() {
        assert!(shows("Bearer 0123456789abcdef"));
        assert!(shows("bearer 0123456789abcdef"));
        for wrong in [
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdef0",
            "Bearer 0123456789abcdeg",
            "Bearer ",
            "Basic 0123456789abcdef",
            "0123456789abcdef",
        ] {
            assert!(!shows(wrong), "{wrong}");
        }
        assert!(!is_shown(&HeaderMap::new(), &SecretString::from("0123456789abcdef")));
    }
}
