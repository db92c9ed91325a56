//! The tar format, as far as layers and the engine's archives need it (POSIX, `ustar`).

use anyhow::{Context as _, Result, bail};

/// The size of a block, bytes.
const BLOCK: usize = 512;

/// An archive being written. It is the same each time: no owner, no time.
#[derive(Debug, Clone, Default)]
pub struct Archive {
    bytes: Vec<u8>,
}

impl Archive {
    /// Adds a folder.
    pub fn folder(&mut self, path: &str) {
        self.entry(&format!("{path}/"), 0o755, b'5', "", &[]);
    }

    /// Adds a file.
    pub fn file(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.entry(path, mode, b'0', "", content);
    }

    /// Adds a symbolic link.
    pub fn link(&mut self, path: &str, target: &str) {
        self.entry(path, 0o777, b'2', target, &[]);
    }

    fn entry(&mut self, path: &str, mode: u32, kind: u8, target: &str, content: &[u8]) {
        let mut block = [0_u8; BLOCK];
        let name = path.as_bytes();
        let length = name.len().min(100);
        block[..length].copy_from_slice(&name[..length]);
        let mut put = |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
        put(100, &format!("{mode:07o}"));
        put(108, "0000000");
        put(116, "0000000");
        put(124, &format!("{:011o}", content.len()));
        put(136, "00000000000");
        put(157, &target[..target.len().min(100)]);
        put(257, "ustar");
        put(263, "00");
        // The checksum is made with its own field full of spaces.
        put(148, "        ");
        block[156] = kind;
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.bytes.extend_from_slice(&block);
        self.bytes.extend_from_slice(content);
        self.bytes.resize(self.bytes.len().next_multiple_of(BLOCK), 0);
    }

    /// The whole archive.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len() + 2 * BLOCK, 0);
        self.bytes
    }
}

/// The content of the first file in an archive.
///
/// # Errors
/// When there is none.
pub fn read_file(archive: &[u8]) -> Result<Vec<u8>> {
    let mut at = 0;
    while let Some(block) = archive.get(at..at + BLOCK) {
        if block[0] == 0 {
            break;
        }
        let size = std::str::from_utf8(&block[124..135]).context("a size that is no text")?;
        let size =
            usize::from_str_radix(size.trim_matches(['\0', ' ']), 8).context("a size that is no number")?;
        at += BLOCK;
        if matches!(block[156], b'0' | 0) {
            return Ok(archive.get(at..at + size).context("the archive was cut short")?.to_vec());
        }
        at += size.next_multiple_of(BLOCK);
    }
    bail!("there is no file in the archive")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read_back() {
        let mut archive = Archive::default();
        archive.folder("etc");
        archive.file("etc/motd", 0o644, b"good morning");
        let bytes = archive.finish();
        assert_eq!(bytes.len() % BLOCK, 0);
        assert_eq!(read_file(&bytes).unwrap(), b"good morning");
        assert!(read_file(&[0; 1024]).is_err());
    }
}
