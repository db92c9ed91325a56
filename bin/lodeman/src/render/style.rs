//! Colours, where they are wanted.

use std::io::IsTerminal;

use clap::ColorChoice;

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Paint {
    /// Nothing special.
    #[default]
    Plain,
    /// A heading, a name.
    Strong,
    /// Of lesser weight.
    Faint,
    /// It went well.
    Good,
    /// Someone may want to look.
    Warning,
    /// It went wrong.
    Bad,
}

/// With or without colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    colours: bool,
}

impl Style {
    /// Without colours.
    #[cfg(test)]
    pub const PLAIN: Self = Self { colours: false };

    /// What was chosen; left to us: colours on a terminal, unless `NO_COLOR` or a dumb one says otherwise.
    pub fn chosen(choice: ColorChoice, stream: &impl IsTerminal) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let colours = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => stream.is_terminal() && !set("NO_COLOR") && !dumb,
        };
        Self { colours }
    }

    /// Whether there are colours.
    pub fn has_colours(self) -> bool {
        self.colours
    }

    /// `text` as what it is.
    pub fn paint(self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Plain => return text.to_owned(),
            Paint::Strong => "1",
            Paint::Faint => "2",
            Paint::Good => "32",
            Paint::Warning => "33",
            Paint::Bad => "31",
        };
        if self.colours && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_only_where_they_are_wanted() {
        assert_eq!(Style::PLAIN.paint(Paint::Bad, "no"), "no");
        let coloured = Style { colours: true };
        assert_eq!(coloured.paint(Paint::Bad, "no"), "\u{1b}[31mno\u{1b}[0m");
        assert_eq!(coloured.paint(Paint::Plain, "no"), "no");
        assert!(!Style::chosen(ColorChoice::Never, &std::io::stdout()).has_colours());
        assert!(Style::chosen(ColorChoice::Always, &std::io::stdout()).has_colours());
    }
}
