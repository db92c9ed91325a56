//! What stands behind the number of a tag: letter, pre-release, build counters, commits, operating
//! systems, flavours.

use std::ops::Range;

use super::core::{Scheme, YEARS, date_value, is_commit};
use super::words::{self, Stage};

/// A pre-release: its stage, and its numbers (`[2]` of `rc2`, `[2, 1]` of `beta.2.1`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PreRelease {
    pub(super) stage: Stage,
    pub(super) numbers: Vec<u64>,
}

impl PreRelease {
    /// Whether a number that comes next belongs to it: its first (`rc-1`), or more of a date.
    fn goes_on(&self) -> Open {
        let goes_on = match self.numbers[..] {
            [] => true,
            [year] | [year, _] => YEARS.contains(&year),
            _ => false,
        };
        if goes_on { Open::Pre } else { Open::Nothing }
    }
}

/// One mark behind the number. Names are ranges of the tag's text.
#[derive(Debug, Clone)]
pub(super) enum Mark {
    /// Orders builds of one version. The name is a separator where a number stands alone.
    Counter { name: Range<usize>, numbers: Vec<u64> },
    /// More of the version: a patch level or cumulative update.
    Revision { name: Range<usize>, numbers: Vec<u64> },
    /// A commit id: it must be there or not, and says nothing about order.
    Commit,
    /// An operating system and its version.
    System { family: &'static str, name: Range<usize>, numbers: Vec<u64> },
    /// Anything else, kept letter for letter.
    Flavour(Range<usize>),
}

/// Everything behind the number.
pub(super) struct Suffix {
    pub(super) letter: u8,
    pub(super) pre: Option<PreRelease>,
    pub(super) marks: Vec<Mark>,
}

/// Reads `text` from byte `from` on.
pub(super) fn read(text: &str, from: usize, scheme: Scheme) -> Suffix {
    let mut reader = Reader { text, at: from, before: Before::Core };
    let mut suffix = Suffix { letter: 0, pre: None, marks: Vec::new() };
    let mut open = Open::Nothing;
    while let Some(token) = reader.next_token() {
        open = match token {
            Token::Commit => {
                suffix.marks.push(Mark::Commit);
                Open::Nothing
            }
            Token::Numbers { numbers, name, family } => suffix.take_numbers(open, numbers, name, family),
            Token::Word(word) => suffix.take_word(text, word, scheme),
        };
    }
    suffix
}

/// What a number that comes next would belong to.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    Nothing,
    /// The pre-release.
    Pre,
    /// The operating system that is the last mark.
    System(&'static str),
}

struct Word {
    name: Range<usize>,
    numbers: Vec<u64>,
    end: usize,
    before: Before,
}

/// What a token follows without a separator.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    Core,
    Number,
    Separator,
}

enum Token {
    Commit,
    Numbers { numbers: Vec<u64>, name: Range<usize>, family: Option<&'static str> },
    Word(Word),
}

impl Suffix {
    fn take_numbers(
        &mut self,
        open: Open,
        numbers: Vec<u64>,
        name: Range<usize>,
        family: Option<&'static str>,
    ) -> Open {
        match (open, &mut self.pre, self.marks.last_mut()) {
            (Open::Pre, Some(pre), _) => {
                pre.numbers.extend(numbers);
                return pre.goes_on();
            }
            (Open::System(family), _, Some(mark @ Mark::Flavour(_))) => {
                if let Mark::Flavour(name) = mark {
                    *mark = Mark::System { family, name: name.clone(), numbers };
                }
            }
            _ => self.marks.push(match family {
                Some(family) => Mark::System { family, name, numbers },
                None => Mark::Counter { name, numbers },
            }),
        }
        Open::Nothing
    }

    /// Whether the last mark is an update in the way of Java: `u432` of `8u432`.
    fn ends_with_update(&self, text: &str) -> bool {
        let Some(Mark::Revision { name, .. }) = self.marks.last() else { return false };
        words::is_update(&text[name.clone()])
    }

    fn take_word(&mut self, text: &str, word: Word, scheme: Scheme) -> Open {
        let name = &text[word.name.clone()];
        let on_core = word.before == Before::Core;
        let bare = word.numbers.is_empty();
        if let (true, true, [letter]) = (on_core, bare, name.as_bytes()) {
            let letter = letter.to_ascii_lowercase();
            if !matches!((scheme, letter), (Scheme::Numbers | Scheme::Calendar, b'a' | b'b')) {
                self.letter = letter - b'a' + 1;
                return Open::Nothing;
            }
        }
        if !bare && name.eq_ignore_ascii_case("b") && self.ends_with_update(text) {
            self.marks.push(Mark::Counter { name: word.name, numbers: word.numbers });
            return Open::Nothing;
        }
        // A single letter is too little to tell a pre-release by, unless its place or a number helps.
        let clear = name.len() > 1 || on_core || !bare;
        if let Some(stage) = words::stage(name).filter(|_| clear && self.pre.is_none()) {
            let pre = PreRelease { stage, numbers: word.numbers };
            let open = pre.goes_on();
            self.pre = Some(pre);
            return open;
        }
        if !bare && (word.before == Before::Number || words::is_counter(name)) {
            self.marks.push(Mark::Counter { name: word.name, numbers: word.numbers });
            return Open::Nothing;
        }
        if !bare && words::is_revision(name) {
            self.marks.push(Mark::Revision { name: word.name, numbers: word.numbers });
            return Open::Nothing;
        }
        let system = words::system(name);
        let codename = words::codename(name).filter(|_| bare);
        if let (Some(family), false) = (system, bare) {
            self.marks.push(Mark::System { family, name: word.name, numbers: word.numbers });
        } else if let Some((family, place)) = codename {
            self.marks.push(Mark::System { family, name: word.name, numbers: vec![place] });
        } else {
            self.marks.push(Mark::Flavour(word.name.start..word.end));
            return system.map_or(Open::Nothing, Open::System);
        }
        Open::Nothing
    }
}

/// Cuts the suffix into tokens.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    before: Before,
}

impl<'a> Reader<'a> {
    fn next_token(&mut self) -> Option<Token> {
        let bytes = self.text.as_bytes();
        let separator_at = self.at;
        while bytes.get(self.at).is_some_and(|b| matches!(b, b'-' | b'_' | b'.')) {
            self.at += 1;
            self.before = Before::Separator;
        }
        let start = self.at;
        let piece = self.run(start, |b| b.is_ascii_alphanumeric());
        if piece.is_empty() {
            return None;
        }
        let name = separator_at..start;
        if self.before == Before::Separator && is_commit(piece) {
            self.at += piece.len();
            return Some(Token::Commit);
        }
        let digits = self.run(start, |b| b.is_ascii_digit());
        if digits.is_empty() { Some(self.word(start)) } else { Some(self.numbers(digits, name)) }
    }

    /// A number, and further ones behind dots. A long one is a date or else a commit id.
    fn numbers(&mut self, digits: &str, name: Range<usize>) -> Token {
        let is_long = digits.len() >= 7;
        let value = if is_long { date_value(digits) } else { digits.parse().ok() };
        self.at += digits.len();
        self.before = Before::Number;
        let Some(value) = value else { return Token::Commit };
        let mut numbers = vec![value];
        let start = name.end;
        self.dotted(&mut numbers);
        Token::Numbers { numbers, name, family: words::system_by_number(&self.text[start..self.at]) }
    }

    /// A word: letters, and digits among them; the digits at its end, and numbers behind dots, are
    /// its numbers. Digits beyond 64 bits stay part of the name.
    fn word(&mut self, start: usize) -> Token {
        let piece = self.run(start, |b| b.is_ascii_alphanumeric());
        let stem = piece.trim_end_matches(|c: char| c.is_ascii_digit());
        let before = std::mem::replace(&mut self.before, Before::Number);
        self.at = start + piece.len();
        let mut numbers = Vec::new();
        let mut name = start..start + stem.len();
        if stem.len() < piece.len() {
            match piece[stem.len()..].parse() {
                Ok(value) => numbers.push(value),
                Err(_) => name.end = self.at,
            }
        }
        self.dotted(&mut numbers);
        Token::Word(Word { name, numbers, end: self.at, before })
    }

    /// Takes `.1.2`, each a run of at most 19 digits that no letter follows, and no commit id.
    fn dotted(&mut self, numbers: &mut Vec<u64>) {
        while self.text[self.at..].starts_with('.') {
            let piece = self.run(self.at + 1, |b| b.is_ascii_alphanumeric());
            let digits = piece.bytes().all(|b| b.is_ascii_digit());
            let Some(value) = piece.parse().ok().filter(|_| digits) else { return };
            numbers.push(value);
            self.at += piece.len() + 1;
        }
    }

    /// The bytes from `start` on that are `wanted`.
    fn run(&self, start: usize, wanted: impl Fn(u8) -> bool) -> &'a str {
        let rest = &self.text[start..];
        let length = rest.bytes().take_while(|b| wanted(*b)).count();
        &rest[..length]
    }
}
