//! Request paths and queries built from values, so that a value never becomes a second segment, a
//! query or a fragment.

use std::fmt::Write;

/// Percent-encodes all but letters, digits and `-_.~` (RFC 3986, "Unreserved Characters").
pub(crate) fn encode(text: &str) -> String {
    encode_but(text, "-_.~")
}

fn encode_but(text: &str, plain: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.as_bytes().contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// The path of an image by id, `repository@digest` or reference: the one thing whose slashes are its
/// own. `None` when a segment of it is empty, `.` or `..`, which no image's name has.
pub(crate) fn image(name: &str) -> Option<String> {
    let segments: Vec<&str> = name.split('/').collect();
    if segments.iter().any(|s| matches!(*s, "" | "." | "..")) {
        return None;
    }
    // `:` and `@` are plain in a path segment; filtering proxies match on them spelled so.
    let encoded: Vec<String> = segments.iter().map(|s| encode_but(s, "-_.~:@")).collect();
    Some(encoded.join("/"))
}

/// A query string with its `?`, from keys that need no encoding.
pub(crate) fn query(pairs: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (key, value) in pairs {
        text.push(if text.is_empty() { '?' } else { '&' });
        text.push_str(key);
        text.push('=');
        text.push_str(&encode(value));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_never_leaves_its_segment() {
        assert_eq!(encode("a/../b"), "a%2F..%2Fb");
        assert_eq!(encode("a?b#c%2f"), "a%3Fb%23c%252f");
        assert_eq!(
            query(&[("repo", "h:5000/a b"), ("tag", "1&x=2")]),
            "?repo=h%3A5000%2Fa%20b&tag=1%26x%3D2"
        );
    }

    #[test]
    fn an_image_keeps_its_own_slashes_and_nothing_else() {
        assert_eq!(image("h:5000/a/b:1").as_deref(), Some("h:5000/a/b:1"));
        assert_eq!(image("a@sha256:0f").as_deref(), Some("a@sha256:0f"));
        assert_eq!(image("a?x=1").as_deref(), Some("a%3Fx=1".replace('=', "%3D").as_str()));
        for bad in ["", "..", "a/../b", "a//b", "./a", "/a", "a/"] {
            assert_eq!(image(bad), None, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn an_encoded_value_is_a_valid_path_for_any_text(text in "\\PC{0,40}") {
            let path = format!("/v1.41/networks/{}/connect", encode(&text));
            let uri: http::Uri = path.parse().unwrap();
            proptest::prop_assert_eq!(uri.path().split('/').count(), 5);
            proptest::prop_assert!(uri.query().is_none());
        }
    }
}
