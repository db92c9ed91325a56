//! `check-config`: every key with its value and its source, and everything that is wrong at once.

use lodeman_config::{Config, EffectiveKey, Problem};
use serde::Serialize;

use crate::configuration::LoadError;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::render::{self, Paint, View};

#[derive(Serialize)]
struct Report {
    valid: bool,
    keys: Vec<EffectiveKey>,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

pub fn run(loaded: Result<Config, LoadError>, output: &mut Output) -> Result<Exit, Failure> {
    let report = match loaded {
        Ok(config) => {
            Report { valid: true, keys: config.explain(), problems: Vec::new(), warnings: config.warnings }
        }
        Err(LoadError::File(failure)) => return Err(failure),
        Err(LoadError::Content(error)) => {
            Report { valid: false, keys: Vec::new(), problems: error.problems, warnings: error.warnings }
        }
    };
    output.print(&report, text)?;
    Ok(if report.valid { Exit::Done } else { Exit::Usage })
}

fn text(view: &View, report: &Report) -> String {
    let mut text = String::new();
    if report.valid {
        text.push_str(&render::configuration(view, &report.keys));
        text.push('\n');
    }
    text.push_str(&render::problems(view, "Mistakes:", Paint::Bad, &report.problems));
    text.push_str(&render::problems(view, "Worth knowing:", Paint::Warning, &report.warnings));
    text.push_str(if report.valid {
        "The configuration can be used.\n"
    } else {
        "The configuration cannot be used.\n"
    });
    text
}
