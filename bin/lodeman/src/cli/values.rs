//! Values that only the command line has.

/// `section.key=value`
pub fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if key.contains('.') => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("allowed is a key and its value, such as schedule.poll_interval=1h; \
                  `lodeman check-config` lists the keys"
            .to_owned()),
    }
}
