//! The first line and the headers of a message.

use std::io::{BufRead, Read};

use anyhow::{Context as _, Result, bail};

/// The longest head that is read, bytes.
const LONGEST: u64 = 64 * 1024;

/// Headers in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// The first value of `name`, whatever its case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Takes every value of `name` away.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
    }

    /// Whether `name` has `word` among its values.
    #[must_use]
    pub fn says(&self, name: &str, word: &str) -> bool {
        let values = self.0.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        values.flat_map(|(_, value)| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(word))
    }
}

/// The first line and the headers of a request or an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The first line, without its end.
    pub line: String,
    /// The headers.
    pub headers: Headers,
}

impl Head {
    /// Reads a head; `None` when the other side closed before it sent anything.
    ///
    /// # Errors
    /// When it is cut short, too long, or no HTTP.
    pub fn read(from: &mut impl BufRead) -> Result<Option<Self>> {
        let mut from = from.take(LONGEST);
        let mut lines = Vec::new();
        loop {
            let mut line = Vec::new();
            if from.read_until(b'\n', &mut line)? == 0 {
                if lines.is_empty() {
                    return Ok(None);
                }
                bail!("a head was cut short, or is too long");
            }
            let line = String::from_utf8(line).context("a head is no text")?;
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                break;
            }
            lines.push(line.to_owned());
        }
        let mut lines = lines.into_iter();
        let line = lines.next().context("an empty head")?;
        let pair = |line: String| {
            let (name, value) = line.split_once(':').with_context(|| format!("no header: {line}"))?;
            Ok((name.to_owned(), value.trim().to_owned()))
        };
        let headers = lines.map(pair).collect::<Result<_>>()?;
        Ok(Some(Self { line, headers: Headers(headers) }))
    }

    /// The method of a request.
    #[must_use]
    pub fn method(&self) -> &str {
        self.line.split(' ').next().unwrap_or_default()
    }

    /// The target of a request: path and query.
    #[must_use]
    pub fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    /// The path of a request.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target().split('?').next().unwrap_or_default()
    }

    /// The value of `key` in a request's query, not unescaped.
    #[must_use]
    pub fn query(&self, key: &str) -> Option<&str> {
        let (_, query) = self.target().split_once('?')?;
        query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
    }

    /// The status of an answer.
    ///
    /// # Errors
    /// When it has none.
    pub fn status(&self) -> Result<u16> {
        let code = self.line.split(' ').nth(1).unwrap_or_default();
        code.parse().with_context(|| format!("no status: {}", self.line))
    }

    /// The bytes of this head.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = self.line.clone();
        for (name, value) in &self.headers.0 {
            text.extend(["\r\n", name, ": ", value]);
        }
        text += "\r\n\r\n";
        text.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_and_written_back() {
        let bytes = b"GET /a/b?n=2&last=x HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\n\r\nrest";
        let mut from = &bytes[..];
        let head = Head::read(&mut from).unwrap().unwrap();
        assert_eq!((head.path(), head.query("last"), head.query("l")), ("/a/b", Some("x"), None));
        assert!(head.headers.says("connection", "upgrade"));
        assert_eq!(head.to_bytes(), bytes[..bytes.len() - 4]);
        assert_eq!(from, b"rest");
    }

    #[test]
    fn a_closed_connection_has_no_head_and_half_a_head_is_an_error() {
        assert_eq!(Head::read(&mut &b""[..]).unwrap(), None);
        assert!(Head::read(&mut &b"GET / HTTP/1.1\r\nHost: h\r\n"[..]).is_err());
    }
}
