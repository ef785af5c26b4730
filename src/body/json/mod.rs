//! JSON bodies: the members of the top-level object that are wanted, and whether Python's
//! `json.loads` (or orjson, from Frappe 16) would take the whole text at all.
//!
//! | state | next comes |
//! | --- | --- |
//! | `Value` | a value |
//! | `FirstItem` | a value or `]` |
//! | `FirstKey` | a key or `}` |
//! | `Key` | a key |
//! | `Colon` | `:` |
//! | `After` | `,`, a closing bracket, or at the top the end |
//! | `Text` | the bytes of a string |
//! | `Escape`, `Unicode` | what follows `\`, `\u` |
//! | `Literal` | the rest of `true`, `NaN`, ... |
//! | `Number` | the rest of a number |
//! | `Failed` | nothing: the text is no JSON |
//!
//! The last of several equal keys counts; keys are compared decoded; deeper objects do not
//! matter. Bytes that are not UTF-8 become U+FFFD before Frappe parses the text, so inside
//! strings they are text, outside they are an error.

mod block;
mod carry;
mod document;
mod escapes;
mod legacy;
mod levels;
mod number;
mod scalars;
mod skip;
mod text;
mod values;

use block::BLOCK;
pub use document::Document;
use document::Inside;
use fearless_simd::Level;
use legacy::EmptyLists;
use levels::Levels;
use number::Number;

use super::arguments::name::Name;
use super::text::utf8::Utf8Check;
use super::{Charset, End, Fields, LendPage};
use crate::body::Trouble;

/// How the bytes of a JSON body become text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonText {
    /// what is not UTF-8 becomes U+FFFD
    Replaced,
    /// what is not UTF-8 is an error, but surrogates pass
    Strict,
    /// the same, but a byte order mark may stand in front
    StrictOrMarked,
}

/// What becomes of values of the top-level object that are lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonLists {
    /// they stay lists
    Keep,
    /// each gives its first item; where one is empty, all stay lists
    FirstItem,
    /// each gives its first item; an empty one is an error
    FirstItemOrRefuse,
}

/// What a dialect's JSON parser takes.
#[derive(Clone, Copy, Debug)]
pub struct JsonRules {
    /// how bytes become text
    pub text: JsonText,
    /// values that are lists
    pub lists: JsonLists,
    /// `NaN`, `Infinity`, `-Infinity`, and numbers above the range of a double
    pub not_finite: bool,
    /// `\ud800` without its other half
    pub lone_surrogates: bool,
    /// levels of arrays and objects
    pub depth_max: usize,
    /// deeper texts are refused; otherwise it is not known what becomes of them
    pub refuses_deeper: bool,
}

impl JsonRules {
    /// `json.loads(text)`: 10,000 levels, which is what the most permissive Python takes.
    pub const LOADS: Self = Self {
        text: JsonText::Replaced,
        lists: JsonLists::Keep,
        not_finite: true,
        lone_surrogates: true,
        depth_max: 10_000,
        refuses_deeper: false,
    };
}

/// The scanner. State: 360 bytes, and a page for a text that is nested deeper than 256 levels.
#[derive(Debug)]
pub struct Json<'r> {
    state: State,
    rules: JsonRules,
    /// the vectors that blocks are read with
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(dead_code, reason = "only x86-64 has several kinds")
    )]
    level: Level,
    levels: Levels<'r>,
    /// the number that is being read
    number: Number,
    /// the string that is being read is a key
    in_key: bool,
    /// a key of the top-level object
    key: Name,
    /// the slot of the top-level member that is being read, if it is wanted
    member: Option<usize>,
    /// that member is a list, and its first item is being read
    first_item: bool,
    /// a list gives its first item: in the top-level object, by the rules of some versions
    unwraps: bool,
    /// the depth of the object whose members are wanted: 1, but within a document
    base: usize,
    /// the document whose members are wanted
    inside: Option<Inside>,
    /// the text as a whole is a document, for this slot
    root: Option<usize>,
    /// the charset of strings
    charset: Charset,
    /// keys of the top-level object whose values are empty lists
    empty_lists: EmptyLists,
    utf8: Utf8Check,
    /// bytes of the byte order mark seen so far; above its length when there can be none
    mark: usize,
    /// `\ud800` waits for its other half
    high: Option<u16>,
    /// the first byte of the text that is not white space; white space where there is none yet
    top: Option<u8>,
    /// how often the state machine has been asked, for tests that what is common is read in blocks
    #[cfg(test)]
    steps: usize,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Value,
    FirstItem,
    FirstKey,
    Key,
    Colon,
    After,
    Text,
    Escape,
    Unicode {
        digits: u8,
        code: u16,
    },
    Literal(&'static [u8]),
    Number,
    /// behind a document: as many bytes from the first on that is no white space
    Tail(usize),
    Failed(Trouble),
}

/// Bytes that are read one by one at most before blocks are tried again.
const STRIDE_MAX: usize = 4 * BLOCK;

impl<'r> Json<'r> {
    /// A scanner in front of the first byte.
    pub fn new(rules: JsonRules, lender: &'r dyn LendPage<'r>) -> Self {
        Self {
            state: State::Value,
            rules,
            level: Level::new(),
            levels: Levels::new(lender),
            number: Number::new(b'0'),
            in_key: false,
            key: Name::EMPTY,
            member: None,
            first_item: false,
            unwraps: false,
            base: 1,
            inside: None,
            root: None,
            charset: match rules.text {
                JsonText::Replaced => Charset::Utf8,
                JsonText::Strict | JsonText::StrictOrMarked => Charset::Utf8Strict,
            },
            empty_lists: EmptyLists::default(),
            utf8: Utf8Check::with_surrogates(),
            mark: 0,
            high: None,
            top: None,
            #[cfg(test)]
            steps: 0,
        }
    }

    /// A document begins, whose member goes to this slot.
    fn restart(&mut self, slot: usize, charset: Charset) {
        self.state = State::Value;
        self.levels.restart();
        self.in_key = false;
        self.member = None;
        self.first_item = false;
        self.unwraps = false;
        self.base = 0;
        self.inside = None;
        self.root = Some(slot);
        self.charset = match charset {
            Charset::Utf8Quoted | Charset::Utf8Strict => charset,
            _ => Charset::Utf8,
        };
        self.high = None;
        self.top = None;
    }

    /// Takes the next bytes.
    #[inline(never)]
    pub fn feed(&mut self, chunk: &[u8], fields: &mut Fields<'_>) {
        if !chunk.is_empty() {
            self.top.get_or_insert(b' ');
        }
        let mut rest = chunk;
        if self.rules.text != JsonText::Replaced {
            if !self.utf8.feed(chunk) {
                self.fail(Trouble::JsonNotUtf8);
            }
            if self.rules.text == JsonText::StrictOrMarked {
                rest = self.skip_mark(rest);
            }
        }
        // The length of `rest` from which on blocks are tried.
        let mut blocks_from = match rest.len() {
            ..skip::LEAST => 0,
            len => len,
        };
        let mut stride = 0_usize;
        while let Some((byte, after)) = rest.split_first() {
            if rest.len() <= blocks_from && self.can_skip() {
                let skipped = self.skip(rest, fields);
                rest = rest.get(skipped.len..).unwrap_or_default();
                // To try costs as much as to read a block, and so it is not done again soon.
                stride = match skipped.unusual || skipped.len < BLOCK {
                    true => stride.saturating_mul(2).clamp(BLOCK, STRIDE_MAX),
                    false => 0,
                };
                blocks_from = rest.len().saturating_sub(stride);
                if skipped.len > 0 {
                    continue;
                }
            }
            #[cfg(test)]
            {
                self.steps = self.steps.saturating_add(1);
            }
            rest = match (self.state, rest) {
                // What comes most often.
                (State::After, [b',', b'"', after @ ..]) if self.levels.in_object() => {
                    self.key(after, fields)
                }
                (State::Text, _) => self.text(rest, fields),
                (State::Number, _) => self.number(self.number, rest, fields),
                (State::Failed(_), _) => return,
                (State::Tail(len), _) => {
                    self.state = State::Tail(len.saturating_add(rest.len()));
                    return;
                }
                (State::Escape, _) => {
                    self.escape(*byte, fields);
                    after
                }
                (State::Unicode { digits, code }, _) => {
                    self.unicode(*byte, digits, code, fields);
                    after
                }
                (State::Literal(word), _) => {
                    self.literal(*byte, word, fields);
                    after
                }
                _ if skip::is_space(*byte) => {
                    let spaces = after.iter().take_while(|byte| skip::is_space(**byte));
                    after.get(spaces.count()..).unwrap_or_default()
                }
                (State::FirstKey | State::Key, _) if *byte == b'"' => self.key(after, fields),
                (State::Value | State::FirstItem | State::FirstKey, _) => {
                    self.first(*byte, fields);
                    match self.state {
                        State::Number => self.new_number(*byte, rest, fields),
                        State::Text => self.text(after, fields),
                        _ => after,
                    }
                }
                (State::Key | State::Colon | State::After, _) => {
                    self.structure(*byte, fields);
                    after
                }
            };
        }
    }

    /// Nothing that follows matters.
    pub(in crate::body) fn is_failed(&self) -> bool {
        matches!(self.state, State::Failed(_))
    }

    /// The end of the body.
    #[inline(never)]
    pub fn finish(&mut self, fields: &mut Fields<'_>) -> End {
        if !self.utf8.finish() {
            self.fail(Trouble::JsonNotUtf8);
        }
        if let State::Number = self.state {
            // Only a number at the top can end with the text.
            self.state = match self.number.end(&self.rules) {
                Ok(_) => State::After,
                Err(trouble) => State::Failed(trouble),
            };
        }
        match (self.state, self.top) {
            (_, None) => End::EmptyJson,
            (State::Failed(Trouble::JsonTooDeep), _) if !self.is_refused_depth() => {
                End::Unknown(Trouble::JsonTooDeep)
            }
            (State::Failed(trouble), _) => End::Refused(trouble),
            (State::After, Some(b'{')) if self.levels.depth() == 0 => self.object(fields),
            (State::After, Some(b'[')) if self.levels.depth() == 0 => End::Array,
            (State::After, _) if self.levels.depth() == 0 => End::Refused(Trouble::JsonNoObject),
            _ => End::Refused(Trouble::JsonCut),
        }
    }

    /// The parser itself takes no more levels than there are.
    fn is_refused_depth(&self) -> bool {
        self.rules.refuses_deeper && self.levels.depth() >= self.rules.depth_max
    }

    fn literal(&mut self, byte: u8, word: &'static [u8], fields: &mut Fields<'_>) {
        match word.split_first() {
            Some((expected, [])) if *expected == byte => self.end_of_value(fields),
            Some((expected, rest)) if *expected == byte => self.state = State::Literal(rest),
            _ => self.fail(Trouble::JsonSyntax),
        }
    }

    fn fail(&mut self, trouble: Trouble) {
        self.state = State::Failed(trouble);
    }
}

#[cfg(test)]
mod generate;
#[cfg(test)]
mod skip_tests;
#[cfg(test)]
mod steps_tests;
#[cfg(test)]
mod tests;
