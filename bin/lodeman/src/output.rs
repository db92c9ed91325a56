//! Where results go: text for people, or one JSON document, on standard output.

use std::io::{self, Write};
use std::sync::Arc;

use jiff::tz::TimeZone;
use lodeman_domain::clock::Clock;
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::render::{Style, View};

/// Where results go.
pub struct Output {
    json: bool,
    style: Style,
    zone: TimeZone,
    clock: Arc<dyn Clock>,
    to: Box<dyn Write + Send>,
}

impl Output {
    /// Results as JSON or as text in this style, with times in `zone`.
    pub fn new(
        json: bool,
        style: Style,
        zone: TimeZone,
        clock: Arc<dyn Clock>,
        to: Box<dyn Write + Send>,
    ) -> Self {
        Self { json, style, zone, clock, to }
    }

    /// Whether a program reads it.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// How text is made for this output, now.
    pub fn view(&self) -> View {
        View { style: self.style, zone: self.zone.clone(), now: self.clock.now() }
    }

    /// Prints a document as it is.
    ///
    /// # Errors
    /// [`Failure`] when it cannot be written, but for a reader that has gone.
    pub fn raw(&mut self, text: &str) -> Result<(), Failure> {
        told(self.to.write_all(text.as_bytes()).and_then(|()| self.to.flush()))
    }

    /// Prints a result: `value` for a program, or what `text` makes of it for a person.
    ///
    /// # Errors
    /// [`Failure`] when it cannot be written, but for a reader that has gone.
    pub fn print<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
        text: impl FnOnce(&View, &T) -> String,
    ) -> Result<(), Failure> {
        let written = if self.json {
            serde_json::to_writer_pretty(&mut self.to, value)
                .map_err(io::Error::from)
                .and_then(|()| writeln!(self.to))
        } else {
            let text = text(&self.view(), value);
            self.to.write_all(text.as_bytes())
        };
        told(written.and_then(|()| self.to.flush()))
    }

    /// Tells a failure: to a program as the document it waits for, to a person on standard error.
    pub fn fail(&mut self, failure: &Failure) {
        if self.json {
            let document = serde_json::json!({
                "error": { "exit_code": failure.exit as u8, "message": failure.message },
            });
            if self.print(&document, |_, _| String::new()).is_ok() {
                return;
            }
        }
        let severity = if failure.exit == Exit::Interrupted { "interrupted" } else { "error" };
        eprintln!("lodeman: {severity}: {}", crate::render::plain(&failure.message));
    }
}

/// A reader that has gone is no failure.
fn told(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::because("the result cannot be written", &error))
        }
        _ => Ok(()),
    }
}
