//! JSON bodies: the members of the top-level object that are wanted, and whether Python's
//! `json.loads` (or orjson, from Frappe 17) would take the whole text at all.
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

use memchr::memchr2;

use super::json_levels::{DEPTH_MAX, Levels};
use super::json_number::Number;
use super::name::Name;
use super::percent::hex;
use super::{Charset, End, Fields};
use crate::frappe::trouble::Trouble;

/// What a dialect's JSON parser takes.
#[derive(Clone, Copy, Debug)]
pub struct JsonRules {
    /// `NaN`, `Infinity`, `-Infinity`, and numbers above the range of a double
    pub not_finite: bool,
    /// `\ud800` without its other half
    pub lone_surrogates: bool,
    /// digits of an integer
    pub int_digits_max: Option<u32>,
    /// levels of arrays and objects; at most 1024
    pub depth_max: usize,
}

/// The scanner. State: 400 bytes, of which a bit for each of the 1024 levels.
#[derive(Debug)]
pub struct Json {
    state: State,
    rules: JsonRules,
    levels: Levels,
    /// the string that is being read is a key
    in_key: bool,
    /// a key of the top-level object
    key: Name,
    /// the slot of the top-level member that is being read, if it is wanted
    member: Option<usize>,
    /// `\ud800` waits for its other half
    high: Option<u16>,
    /// the first byte of the text that is not white space; white space where there is none yet
    top: Option<u8>,
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
    Unicode { digits: u8, code: u16 },
    Literal(&'static [u8]),
    Number(Number),
    Failed(Trouble),
}

impl Json {
    /// A scanner in front of the first byte.
    pub fn new(rules: JsonRules) -> Self {
        Self {
            state: State::Value,
            rules,
            levels: Levels::default(),
            in_key: false,
            key: Name::default(),
            member: None,
            high: None,
            top: None,
        }
    }

    /// Takes the next bytes.
    pub fn feed(&mut self, chunk: &[u8], fields: &mut Fields<'_>) {
        if !chunk.is_empty() {
            self.top.get_or_insert(b' ');
        }
        let mut rest = chunk;
        while let Some((byte, after)) = rest.split_first() {
            rest = match self.state {
                State::Text => self.text(rest, fields),
                State::Number(number) => self.number(rest, number, fields),
                State::Failed(_) => return,
                _ => {
                    self.byte(*byte, fields);
                    after
                }
            };
        }
    }

    /// The end of the body.
    pub fn finish(&mut self) -> End {
        if let State::Number(number) = self.state {
            // Only a number at the top can end with the text.
            self.state = match number.end(&self.rules) {
                Ok(_) => State::After,
                Err(trouble) => State::Failed(trouble),
            };
        }
        match (self.state, self.top) {
            (_, None) => End::EmptyJson,
            (State::Failed(trouble), _) => End::Refused(trouble),
            (State::After, Some(b'{')) if self.levels.depth() == 0 => End::Object,
            (State::After, Some(b'[')) if self.levels.depth() == 0 => End::Array,
            (State::After, _) if self.levels.depth() == 0 => End::Refused(Trouble::JsonNoObject),
            _ => End::Refused(Trouble::JsonCut),
        }
    }

    fn byte(&mut self, byte: u8, fields: &mut Fields<'_>) {
        match self.state {
            State::Escape => self.escape(byte, fields),
            State::Unicode { digits, code } => self.unicode(byte, digits, code, fields),
            State::Literal(word) => self.literal(byte, word),
            _ if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') => {}
            _ => self.structure(byte, fields),
        }
    }

    /// A byte that is neither white space nor inside a string, literal or number.
    fn structure(&mut self, byte: u8, fields: &mut Fields<'_>) {
        if self.levels.depth() == 0 && matches!(self.state, State::Value) {
            self.top = Some(byte);
        }
        match (self.state, byte) {
            (State::FirstItem, b']') | (State::FirstKey, b'}') => {
                if self.levels.depth() == 2 {
                    // `[]` and `{}` are false to Python.
                    self.set_not_text(false, fields);
                }
                self.close();
            }
            (State::Value | State::FirstItem, _) => self.value(byte, fields),
            (State::FirstKey | State::Key, b'"') => {
                self.in_key = true;
                self.key.clear();
                self.state = State::Text;
            }
            (State::Colon, b':') => self.state = State::Value,
            (State::After, b',') if self.levels.in_object() => self.state = State::Key,
            (State::After, b',') if self.levels.depth() > 0 => self.state = State::Value,
            (State::After, b']') if self.levels.in_array() => self.close(),
            (State::After, b'}') if self.levels.in_object() => self.close(),
            _ => self.fail(Trouble::JsonSyntax),
        }
    }

    /// The first byte of a value.
    fn value(&mut self, byte: u8, fields: &mut Fields<'_>) {
        let (truthy, state) = match byte {
            b'"' => {
                if let Some((slot, source)) = self.wanted().and_then(|index| fields.slot(index)) {
                    slot.start(Charset::Utf8, source);
                }
                self.in_key = false;
                self.state = State::Text;
                return;
            }
            b'{' | b'[' => {
                self.set_not_text(true, fields);
                return self.open(byte == b'{');
            }
            b't' => (true, State::Literal(b"rue")),
            b'f' => (false, State::Literal(b"alse")),
            b'n' => (false, State::Literal(b"ull")),
            b'N' if self.rules.not_finite => (true, State::Literal(b"aN")),
            b'I' if self.rules.not_finite => (true, State::Literal(b"nfinity")),
            b'-' | b'0'..=b'9' => (true, State::Number(Number::new(byte))),
            _ => (true, State::Failed(Trouble::JsonSyntax)),
        };
        self.set_not_text(truthy, fields);
        self.state = state;
    }

    /// The slot that a value which is no container's item goes to.
    fn wanted(&self) -> Option<usize> {
        self.member.filter(|_| self.levels.depth() == 1)
    }

    fn set_not_text(&self, truthy: bool, fields: &mut Fields<'_>) {
        let member = self.member.filter(|_| self.levels.depth() <= 2);
        if let Some((slot, source)) = member.and_then(|index| fields.slot(index)) {
            slot.set_not_text(truthy, source);
        }
    }

    fn end_of_value(&mut self) {
        if self.levels.depth() == 1 {
            self.member = None;
        }
        self.state = State::After;
    }

    fn open(&mut self, object: bool) {
        if self.levels.depth() >= self.rules.depth_max.min(DEPTH_MAX) {
            return self.fail(Trouble::JsonTooDeep);
        }
        self.levels.push(object);
        self.state = if object {
            State::FirstKey
        } else {
            State::FirstItem
        };
    }

    fn close(&mut self) {
        self.levels.pop();
        self.end_of_value();
    }

    fn text<'c>(&mut self, rest: &'c [u8], fields: &mut Fields<'_>) -> &'c [u8] {
        let at = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
        let (plain, after) = rest.split_at_checked(at).unwrap_or((rest, b""));
        // A fold without an early end: the compiler makes vector code of it.
        if plain
            .iter()
            .fold(false, |found, byte| found | (*byte < 0x20))
        {
            self.fail(Trouble::JsonControl);
            return b"";
        }
        if !plain.is_empty() {
            self.end_of_half(fields);
            self.push(plain, fields);
        }
        match after.split_first() {
            None => b"",
            Some((b'\\', after)) => {
                self.state = State::Escape;
                after
            }
            Some((_, after)) => {
                self.state = State::After;
                self.end_of_half(fields);
                self.end_of_text(fields);
                after
            }
        }
    }

    fn end_of_text(&mut self, fields: &Fields<'_>) {
        if matches!(self.state, State::Failed(_)) {
            return;
        }
        if !self.in_key {
            return self.end_of_value();
        }
        if self.levels.depth() == 1 {
            self.member = self.key.get().and_then(|key| fields.find(key));
        }
        self.state = State::Colon;
    }

    fn escape(&mut self, byte: u8, fields: &mut Fields<'_>) {
        self.state = State::Text;
        let plain = match byte {
            b'u' => {
                self.state = State::Unicode { digits: 0, code: 0 };
                return;
            }
            b'"' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            _ => return self.fail(Trouble::JsonSyntax),
        };
        self.end_of_half(fields);
        self.push(&[plain], fields);
    }

    fn unicode(&mut self, byte: u8, digits: u8, code: u16, fields: &mut Fields<'_>) {
        if !byte.is_ascii_hexdigit() {
            return self.fail(Trouble::JsonSyntax);
        }
        let code = code << 4 | u16::from(hex(byte));
        let digits = digits.saturating_add(1);
        if digits < 4 {
            self.state = State::Unicode { digits, code };
            return;
        }
        self.state = State::Text;
        let pair = self
            .high
            .and_then(|high| char::decode_utf16([high, code]).next()?.ok());
        if pair.is_some() {
            self.high = None;
        }
        self.end_of_half(fields);
        match pair.or(char::from_u32(u32::from(code))) {
            Some(char) => self.push(char.encode_utf8(&mut [0; 4]).as_bytes(), fields),
            None => {
                self.high = Some(code);
                if code >= 0xdc00 {
                    // A second half can wait for nothing.
                    self.end_of_half(fields);
                }
            }
        }
    }

    /// Half of a surrogate pair that still waits stays alone: Python keeps it in the string,
    /// but no method and no argument has such a name.
    fn end_of_half(&mut self, fields: &mut Fields<'_>) {
        if self.high.take().is_none() {
            return;
        }
        if !self.rules.lone_surrogates {
            self.fail(Trouble::JsonSurrogate);
        } else if self.in_key {
            self.key.spoil();
        } else if self.levels.depth() == 1 {
            self.set_not_text(true, fields);
            self.member = None;
        }
    }

    fn push(&mut self, bytes: &[u8], fields: &mut Fields<'_>) {
        if self.levels.depth() != 1 {
            return;
        }
        if self.in_key {
            self.key.push(bytes);
        } else if let Some((slot, _)) = self.member.and_then(|index| fields.slot(index)) {
            slot.push(bytes);
        }
    }

    fn literal(&mut self, byte: u8, word: &'static [u8]) {
        match word.split_first() {
            Some((expected, [])) if *expected == byte => self.end_of_value(),
            Some((expected, rest)) if *expected == byte => self.state = State::Literal(rest),
            _ => self.fail(Trouble::JsonSyntax),
        }
    }

    fn number<'c>(
        &mut self,
        rest: &'c [u8],
        mut number: Number,
        fields: &mut Fields<'_>,
    ) -> &'c [u8] {
        let mut rest = rest;
        while let Some((byte, after)) = rest.split_first() {
            if number.is_minus() && *byte == b'I' && self.rules.not_finite {
                self.state = State::Literal(b"nfinity");
                return after;
            }
            if !number.push(*byte) {
                match number.end(&self.rules) {
                    Ok(truthy) => {
                        if self.levels.depth() == 1 {
                            self.set_not_text(truthy, fields);
                        }
                        self.end_of_value();
                    }
                    Err(trouble) => self.fail(trouble),
                }
                return rest;
            }
            rest = after;
        }
        self.state = State::Number(number);
        rest
    }

    fn fail(&mut self, trouble: Trouble) {
        self.state = State::Failed(trouble);
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
