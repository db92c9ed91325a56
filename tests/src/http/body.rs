//! Bodies: with a length, in chunks, or to the end of the connection.

use std::io::{BufRead, Read, Write};

use anyhow::{Context as _, Result, bail};

use super::Headers;

/// The largest body that is kept, bytes.
const LARGEST: u64 = 256 * 1024 * 1024;

/// Reads the body that `headers` announce. One without a length is read to the end of the connection
/// where `to_end` says so, and is empty otherwise.
///
/// # Errors
/// When it is cut short, or its framing is broken.
pub fn read_body(from: &mut impl BufRead, headers: &Headers, to_end: bool) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    if headers.says("Transfer-Encoding", "chunked") {
        while let Some(chunk) = read_chunk(from)? {
            body.extend(chunk);
            if body.len() as u64 > LARGEST {
                bail!("a body of more than {LARGEST} bytes");
            }
        }
    } else if let Some(length) = headers.get("Content-Length") {
        let length: u64 = length.parse().context("a length that is no number")?;
        from.take(length.min(LARGEST)).read_to_end(&mut body)?;
        if body.len() as u64 != length {
            bail!("a body of {length} bytes ended after {}", body.len());
        }
    } else if to_end {
        from.take(LARGEST).read_to_end(&mut body)?;
    }
    Ok(body)
}

/// One chunk; `None` for the last, whose trailers are read over.
fn read_chunk(from: &mut impl BufRead) -> Result<Option<Vec<u8>>> {
    let mut line = String::new();
    from.take(1024).read_line(&mut line)?;
    let size = line.trim().split(';').next().unwrap_or_default();
    let size = u64::from_str_radix(size, 16).with_context(|| format!("no chunk size: {line:?}"))?;
    if size > LARGEST {
        bail!("a chunk of {size} bytes");
    }
    let mut chunk = Vec::new();
    from.take(size).read_to_end(&mut chunk)?;
    if chunk.len() as u64 != size {
        bail!("a chunk was cut short");
    }
    let mut end = String::new();
    from.take(1024).read_line(&mut end)?;
    if size > 0 {
        return Ok(Some(chunk));
    }
    while !end.trim().is_empty() {
        end.clear();
        from.take(1024).read_line(&mut end)?;
    }
    Ok(None)
}

/// Copies a request's body as it is framed, piece by piece.
///
/// # Errors
/// When either side fails.
pub fn relay_request_body(from: &mut impl BufRead, headers: &Headers, to: &mut dyn Write) -> Result<()> {
    if headers.says("Transfer-Encoding", "chunked") {
        while let Some(chunk) = read_chunk(from)? {
            write!(to, "{:x}\r\n", chunk.len())?;
            to.write_all(&chunk)?;
            to.write_all(b"\r\n")?;
        }
        to.write_all(b"0\r\n\r\n")?;
    } else if let Some(length) = headers.get("Content-Length") {
        let length: u64 = length.parse().context("a length that is no number")?;
        let copied = std::io::copy(&mut from.take(length), to)?;
        if copied != length {
            bail!("a body of {length} bytes ended after {copied}");
        }
    }
    to.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &str, value: &str) -> Headers {
        Headers(vec![(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn chunks_are_relayed_as_chunks() {
        let chunked = headers("transfer-encoding", "chunked");
        let bytes = b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n";
        let mut relayed = Vec::new();
        relay_request_body(&mut &bytes[..], &chunked, &mut relayed).unwrap();
        assert_eq!(relayed, bytes);
        assert_eq!(read_body(&mut &bytes[..], &chunked, false).unwrap(), b"hello!");
    }

    #[test]
    fn a_body_that_ends_early_is_an_error() {
        let length = headers("Content-Length", "9");
        assert!(read_body(&mut &b"short"[..], &length, false).is_err());
        assert!(read_body(&mut &b"5\r\nhel"[..], &headers("Transfer-Encoding", "chunked"), false).is_err());
    }
}
