//! What nobody wants of a JSON text, read a token at a time.
//!
//! The state machine of `mod.rs` can stop at any byte. Here tokens are read that lie whole in the
//! bytes at hand, are simple, and change no slot: members that are not wanted and all that is
//! below them. At anything else the state machine takes over, at the token's first byte or within
//! a string.

use super::levels::DEPTH_MAX;
use super::{Json, State};
use crate::body::{Fields, near};

/// The most digits in a row that are read here: too few for any bound to matter.
const DIGITS_MAX: usize = 16;

/// What comes next, as in [`State`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Value,
    /// a value or `]`
    FirstItem,
    /// a key or `}`
    FirstKey,
    Key,
    Colon,
    After,
}

impl Json {
    /// Nothing is wanted of what comes next.
    fn can_skip(&self) -> bool {
        match self.levels.depth() {
            0 => false,
            1 => self.member.is_none() && !self.unwraps(),
            2 => !self.first_item,
            _ => true,
        }
    }

    /// Reads tokens, and gives what is left.
    pub(super) fn skip<'c>(&mut self, bytes: &'c [u8], fields: &Fields<'_>) -> &'c [u8] {
        let mut next = match self.state {
            State::Value => Next::Value,
            State::FirstItem => Next::FirstItem,
            State::FirstKey => Next::FirstKey,
            State::Key => Next::Key,
            State::Colon => Next::Colon,
            State::After => Next::After,
            _ => return bytes,
        };
        if !self.can_skip() {
            return bytes;
        }
        let depth_max = self.rules.depth_max.min(DEPTH_MAX);
        // What is closed at this depth may be the value of a slot.
        let floor = match (self.first_item, self.member) {
            (true, _) => 3,
            (false, None) if !self.unwraps() => 1,
            _ => 2,
        };
        let mut object = self.levels.in_object();
        let mut left = bytes;
        while let Some((byte, rest)) = left.split_first() {
            left = match next {
                _ if is_space(*byte) => after_space(rest),
                Next::Key | Next::FirstKey if *byte == b'"' => {
                    let rest = if self.levels.depth() > 1 {
                        match string(rest) {
                            Ok(rest) => rest,
                            Err(rest) => return self.enter_text(true, rest),
                        }
                    } else if let Some((key, rest)) = key(rest) {
                        self.member = fields.find(key);
                        rest
                    } else {
                        break;
                    };
                    next = Next::Colon;
                    if self.member.is_some() && self.levels.depth() == 1 {
                        left = rest;
                        break;
                    }
                    match rest {
                        [b':', rest @ ..] => {
                            next = Next::Value;
                            rest
                        }
                        _ => rest,
                    }
                }
                Next::Value | Next::FirstItem if *byte == b'"' => match string(rest) {
                    Ok(rest) => {
                        next = Next::After;
                        rest
                    }
                    Err(rest) => return self.enter_text(false, rest),
                },
                Next::Value | Next::FirstItem if matches!(byte, b'{' | b'[') => {
                    if self.levels.depth() >= depth_max {
                        break;
                    }
                    object = *byte == b'{';
                    self.levels.push(object);
                    next = if object {
                        Next::FirstKey
                    } else {
                        Next::FirstItem
                    };
                    rest
                }
                Next::Value | Next::FirstItem if *byte != b']' => match scalar(left) {
                    Some(rest) => {
                        next = Next::After;
                        rest
                    }
                    None => break,
                },
                Next::After if *byte == b',' => {
                    next = if object { Next::Key } else { Next::Value };
                    rest
                }
                Next::After | Next::FirstKey | Next::FirstItem => {
                    let end = if object { b'}' } else { b']' };
                    if *byte != end || self.levels.depth() <= floor {
                        break;
                    }
                    self.levels.pop();
                    object = self.levels.in_object();
                    next = Next::After;
                    rest
                }
                Next::Colon if *byte == b':' => {
                    next = Next::Value;
                    rest
                }
                Next::Value | Next::Key | Next::Colon => break,
            };
        }
        self.state = match next {
            Next::Value => State::Value,
            Next::FirstItem => State::FirstItem,
            Next::FirstKey => State::FirstKey,
            Next::Key => State::Key,
            Next::Colon => State::Colon,
            Next::After => State::After,
        };
        left
    }

    /// The state machine goes on within a string.
    fn enter_text<'c>(&mut self, in_key: bool, rest: &'c [u8]) -> &'c [u8] {
        self.in_key = in_key;
        self.state = State::Text;
        rest
    }
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

fn after_space(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first()
        && is_space(*byte)
    {
        rest = after;
    }
    rest
}

/// A key without escapes, and what follows its quote.
fn key(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (key, rest) = bytes.split_at_checked(near::text_len(bytes))?;
    Some((key, rest.strip_prefix(b"\"")?))
}

/// What follows the quote at the end of a string. `Err`: where it goes on with what is not read
/// here.
pub(super) fn string(bytes: &[u8]) -> Result<&[u8], &[u8]> {
    let mut rest = bytes;
    loop {
        rest = rest.get(near::text_len(rest)..).unwrap_or_default();
        rest = match rest {
            [b'"', after @ ..] => return Ok(after),
            [
                b'\\',
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
                after @ ..,
            ] => after,
            // Half of a surrogate pair begins with D.
            [b'\\', b'u', first, digits @ ..]
                if first.is_ascii_hexdigit() && first | 0x20 != b'd' =>
            {
                match digits.split_first_chunk::<3>() {
                    Some((digits, after)) if digits.iter().all(u8::is_ascii_hexdigit) => after,
                    _ => return Err(rest),
                }
            }
            _ => return Err(rest),
        };
    }
}

/// What follows a literal or a number, whose end must be there, too.
fn scalar(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [b't', b'r', b'u', b'e', rest @ ..]
        | [b'n', b'u', b'l', b'l', rest @ ..]
        | [b'f', b'a', b'l', b's', b'e', rest @ ..] => Some(rest),
        [b'-', rest @ ..] => number(rest),
        _ => number(bytes),
    }
}

fn number(bytes: &[u8]) -> Option<&[u8]> {
    let rest = match bytes {
        [b'0', rest @ ..] => rest,
        _ => digits(bytes)?,
    };
    let rest = match rest {
        [b'.', rest @ ..] => digits(rest)?,
        _ => rest,
    };
    match rest.first()? {
        b'0'..=b'9' | b'.' | b'e' | b'E' => None,
        _ => Some(rest),
    }
}

/// What follows one to DIGITS_MAX digits.
fn digits(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes;
    while let [b'0'..=b'9', after @ ..] = rest {
        rest = after;
    }
    let len = bytes.len().saturating_sub(rest.len());
    (1..=DIGITS_MAX).contains(&len).then_some(rest)
}
