//! What a registry asks for before it answers: the `WWW-Authenticate` header (RFC 9110, 11.6.1).

/// How a registry wants to be convinced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// By a token from a token service.
    Bearer {
        /// Address of the token service.
        realm: String,
        /// The name it knows the registry by.
        service: Option<String>,
        /// What the token is to allow.
        scope: Option<String>,
    },
    /// By name and password with each request.
    Basic,
}

/// Longer headers are not looked at.
const LONGEST: usize = 8 * 1024;

/// The challenge to answer, of all that are made: a bearer token if it can be had, else a password.
pub(crate) fn choose<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Challenge> {
    let offered: Vec<(String, Vec<(String, String)>)> =
        headers.filter(|text| text.len() <= LONGEST).flat_map(parse).collect();
    let bearer = offered.iter().filter(|(scheme, _)| scheme == "bearer").find_map(|(_, params)| {
        let get = |key: &str| params.iter().find(|(k, v)| k == key && !v.is_empty()).map(|(_, v)| v.clone());
        Some(Challenge::Bearer { realm: get("realm")?, service: get("service"), scope: get("scope") })
    });
    bearer.or_else(|| offered.iter().any(|(scheme, _)| scheme == "basic").then_some(Challenge::Basic))
}

/// All challenges of one header, schemes and parameter names in lower case. Total: what does not
/// parse is skipped.
fn parse(text: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut challenges: Vec<(String, Vec<(String, String)>)> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find([' ', '\t', ',', '=', '"']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let Some(next) = after.trim_start_matches([' ', '\t']).chars().next() else {
            if !word.is_empty() {
                challenges.push((word.to_ascii_lowercase(), Vec::new()));
            }
            return challenges;
        };
        match (word.is_empty(), next) {
            (false, '=') => {
                let after = after.trim_start_matches([' ', '\t']);
                let (value, left) = value(after[1..].trim_start_matches([' ', '\t']));
                if let Some((_, params)) = challenges.last_mut() {
                    params.push((word.to_ascii_lowercase(), value));
                }
                rest = left;
            }
            (false, _) => {
                challenges.push((word.to_ascii_lowercase(), Vec::new()));
                rest = after;
            }
            // A stray `=` or `"`: skip it.
            (true, _) => rest = &after[1..],
        }
    }
}

/// A token or quoted string at the start of `text`, and what follows it.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '\t', ',']).unwrap_or(text.len());
        let (token, rest) = text.split_at(end);
        return (token.to_owned(), rest);
    };
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in quoted.char_indices() {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return (value, &quoted[at + 1..]),
            _ => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        Challenge::Bearer {
            realm: realm.into(),
            service: service.map(str::to_owned),
            scope: scope.map(str::to_owned),
        }
    }

    #[test]
    fn challenges_as_registries_write_them() {
        for (headers, expected) in [
            (
                &[
                    r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull""#,
                ][..],
                Some(bearer(
                    "https://auth.docker.io/token",
                    Some("registry.docker.io"),
                    Some("repository:library/nginx:pull"),
                )),
            ),
            (
                &[r#"Bearer realm="https://ghcr.io/token",service="ghcr.io""#],
                Some(bearer("https://ghcr.io/token", Some("ghcr.io"), None)),
            ),
            (&[r#"bearer REALM = "https://r/t" , Service=s"#], Some(bearer("https://r/t", Some("s"), None))),
            (&[r#"Basic realm="Registry Realm""#], Some(Challenge::Basic)),
            (&["Basic"], Some(Challenge::Basic)),
            (&[r#"Basic realm="x", Bearer realm="https://r/t""#], Some(bearer("https://r/t", None, None))),
            (
                &[r#"Basic realm="x""#, r#"Bearer realm="https://r/t""#],
                Some(bearer("https://r/t", None, None)),
            ),
            (&[r#"Negotiate YWJj==, Basic realm="a, \"b\"""#], Some(Challenge::Basic)),
            (
                &[r#"Bearer realm="https://r/t",scope="repository:a:pull,push""#],
                Some(bearer("https://r/t", None, Some("repository:a:pull,push"))),
            ),
            (&[r#"Bearer service="no realm""#], None),
            (&["", ",", "=", "\"", "Digest"], None),
        ] {
            assert_eq!(choose(headers.iter().copied()), expected, "{headers:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_read_to_its_end(text in "\\PC{0,200}") {
            let count = parse(&text).len();
            proptest::prop_assert!(count <= text.len());
        }

        #[test]
        fn what_is_quoted_is_read_as_it_was(realm in "[ -~]{1,60}", service in "[ -~]{1,60}") {
            let quote = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
            let header = format!("Bearer realm=\"{}\",service=\"{}\"", quote(&realm), quote(&service));
            proptest::prop_assert_eq!(
                choose(std::iter::once(header.as_str())),
                Some(bearer(&realm, Some(&service), None))
            );
        }
    }
}
