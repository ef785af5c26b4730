//! One JSON number: its grammar, whether it is zero, and whether the parser takes its size.

use super::{Json, JsonRules, State as Next};
use crate::body::Fields;
use crate::body::Trouble;

/// 17 digits of half the smallest double, 2^-1075, which is 2.47e-324: what is not above it
/// becomes zero.
const HALF_OF_SMALLEST: u64 = 24_703_282_292_062_327;
const SMALLEST_EXPONENT: i64 = -324;
/// 17 digits of the first number that is too large for a double, 1.797...e308.
const ABOVE_LARGEST: u64 = 17_976_931_348_623_158;
const LARGEST_EXPONENT: i64 = 308;
/// Numbers whose first digit stands nearer to the point than this are finite, and not rounded to zero.
const ORDINARY: u64 = 300;
/// Digits that are kept to compare with the above.
const DIGITS: u32 = 17;

/// A number that is being read. `exponent` counts the place of the first digit that is not 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number {
    state: State,
    /// the first digits that matter, without leading zeros
    lead: u64,
    /// how many digits are in `lead`; <= DIGITS
    lead_len: u32,
    /// the power of ten of the first digit in `lead`
    place: i64,
    exponent: i64,
    negative_exponent: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Minus,
    Zero,
    Int,
    Point,
    Fraction,
    E,
    ESign,
    Exponent,
}

impl Number {
    /// `first` is `-` or a digit.
    pub(super) fn new(first: u8) -> Self {
        let mut number = Self {
            state: State::Minus,
            lead: 0,
            lead_len: 0,
            place: -1,
            exponent: 0,
            negative_exponent: false,
        };
        if first != b'-' {
            number.push(first);
        }
        number
    }

    /// Only `-` has come.
    pub(super) fn is_minus(&self) -> bool {
        self.state == State::Minus
    }

    /// Takes a byte if it belongs to the number.
    #[inline(always)]
    pub(super) fn push(&mut self, byte: u8) -> bool {
        let state = match (byte, self.state) {
            (b'0', State::Minus) => State::Zero,
            (b'0'..=b'9', State::Minus | State::Int) => State::Int,
            (b'0'..=b'9', State::Point | State::Fraction) => State::Fraction,
            (b'0'..=b'9', State::E | State::ESign | State::Exponent) => {
                let digit = i64::from(byte.wrapping_sub(b'0'));
                self.exponent = self.exponent.saturating_mul(10).saturating_add(digit);
                State::Exponent
            }
            (b'.', State::Zero | State::Int) => State::Point,
            (b'e' | b'E', State::Zero | State::Int | State::Fraction) => State::E,
            (b'+' | b'-', State::E) => {
                self.negative_exponent = byte == b'-';
                State::ESign
            }
            _ => return false,
        };
        self.state = state;
        match state {
            State::Zero | State::Int => {
                if self.lead_len > 0 {
                    self.place = self.place.saturating_add(1);
                } else {
                    self.place = 0;
                }
                self.digit(byte);
            }
            State::Fraction => {
                if self.lead_len == 0 {
                    self.place = self.place.min(0).saturating_sub(1);
                }
                self.digit(byte);
            }
            _ => {}
        }
        true
    }

    /// What follows digits that say no more than how many there are, if the first is one.
    #[inline(always)]
    fn skip_digits<'c>(&mut self, bytes: &'c [u8]) -> Option<&'c [u8]> {
        if self.lead_len < DIGITS || !matches!(self.state, State::Int | State::Fraction) {
            return None;
        }
        let digits = bytes
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if self.state == State::Int {
            self.place = self.place.saturating_add_unsigned(digits as u64);
        }
        (digits > 0).then(|| bytes.get(digits..))?
    }

    /// The number is complete: is it true to Python?
    pub(super) fn end(&self, rules: &JsonRules) -> Result<bool, Trouble> {
        let integer = match self.state {
            State::Zero | State::Int => true,
            State::Fraction | State::Exponent => false,
            State::Minus | State::Point | State::E | State::ESign => {
                return Err(Trouble::JsonSyntax);
            }
        };
        let exponent = if self.negative_exponent {
            self.place.saturating_sub(self.exponent)
        } else {
            self.place.saturating_add(self.exponent)
        };
        if self.lead == 0 || exponent.unsigned_abs() < ORDINARY {
            // As most are: neither too large nor so small that it is rounded to zero.
            return Ok(self.lead > 0);
        }
        let infinite = self.is_above(exponent, LARGEST_EXPONENT, ABOVE_LARGEST.saturating_sub(1));
        if infinite && !rules.not_finite {
            return Err(Trouble::JsonNotFinite);
        }
        Ok(self.is_above(exponent, SMALLEST_EXPONENT, HALF_OF_SMALLEST) || integer)
    }

    fn is_above(&self, exponent: i64, limit_exponent: i64, limit: u64) -> bool {
        let missing = DIGITS.saturating_sub(self.lead_len);
        let lead = self.lead.saturating_mul(10_u64.saturating_pow(missing));
        exponent > limit_exponent || (exponent == limit_exponent && lead > limit)
    }

    fn digit(&mut self, byte: u8) {
        let digit = u64::from(byte.wrapping_sub(b'0'));
        if (digit > 0 || self.lead_len > 0) && self.lead_len < DIGITS {
            self.lead = self.lead.saturating_mul(10).saturating_add(digit);
            self.lead_len = self.lead_len.saturating_add(1);
        }
    }
}

impl Json<'_> {
    /// A number of a few digits with what follows it, as most are. None: it is another number.
    #[inline(always)]
    fn short_number<'c>(&mut self, bytes: &'c [u8], fields: &mut Fields<'_>) -> Option<&'c [u8]> {
        let (digits, mut after) = few_digits(bytes)?;
        if let [b'e' | b'E', exponent @ ..] = after {
            let exponent = match exponent {
                [b'+' | b'-', digits @ ..] => digits,
                _ => exponent,
            };
            let (digits, rest) = few_digits(exponent)?;
            // So that it is finite.
            after = matches!(digits.len(), 1 | 2).then_some(rest)?;
        }
        let is_right = matches!(digits, [b'0'] | [b'1'..=b'9', ..])
            && matches!(after, [b',' | b'}' | b']' | b' ' | b'\n', ..]);
        if !is_right {
            return None;
        }
        self.set_not_text(digits != b"0", fields);
        self.end_of_value(fields);
        Some(after)
    }

    /// A number that begins with this byte, the first of `bytes`.
    pub(super) fn new_number<'c>(
        &mut self,
        first: u8,
        bytes: &'c [u8],
        fields: &mut Fields<'_>,
    ) -> &'c [u8] {
        if let Some(after) = self.short_number(bytes, fields) {
            return after;
        }
        let rest = bytes.get(1..).unwrap_or_default();
        self.number(Number::new(first), rest, fields)
    }

    /// The rest of a number.
    #[inline(always)]
    pub(super) fn number<'c>(
        &mut self,
        mut number: Number,
        mut rest: &'c [u8],
        fields: &mut Fields<'_>,
    ) -> &'c [u8] {
        if number.is_minus()
            && self.rules.not_finite
            && let Some(after) = rest.strip_prefix(b"I")
        {
            self.state = Next::Literal(b"nfinity");
            return after;
        }
        while let Some((byte, after)) = rest.split_first() {
            if let Some(after) = number.skip_digits(rest) {
                rest = after;
                continue;
            }
            if !number.push(*byte) {
                match number.end(&self.rules) {
                    Ok(truthy) => {
                        self.set_not_text(truthy, fields);
                        self.end_of_value(fields);
                    }
                    Err(trouble) => self.fail(trouble),
                }
                return rest;
            }
            rest = after;
        }
        self.number = number;
        rest
    }
}

/// The digits that a text begins with, up to eight, and what follows them.
#[inline(always)]
fn few_digits(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let digits = text.iter().take(8).take_while(|byte| byte.is_ascii_digit());
    text.split_at_checked(digits.count())
}

#[cfg(test)]
mod tests {
    use super::Number;
    use crate::frappe::dialect;

    fn truth(text: &str) -> Option<bool> {
        let rules = dialect::find(b"15")?.json;
        let mut bytes = text.bytes();
        let mut number = Number::new(bytes.next()?);
        bytes
            .all(|byte| number.push(byte))
            .then(|| number.end(&rules).ok())?
    }

    #[test]
    fn grammar() {
        for bad in [
            "-", "01", "-01", "1.", "1e", "1e+", "1.e1", "1e1.5", "0x1", "--1",
        ] {
            assert_eq!(truth(bad), None, "{bad}");
        }
        assert_eq!(truth(&"9".repeat(5000)), Some(true));
    }

    #[test]
    fn zero_is_false_as_std_rounds() {
        let texts = [
            "0",
            "-0",
            "0.0",
            "0e9",
            "0.000e-5",
            "1",
            "10",
            "0.1",
            "1e-323",
            "1e-324",
            "2e-324",
            "2.4e-324",
            "2.5e-324",
            "3e-324",
            "24.8e-325",
            "0.0248e-322",
            "100e-326",
            "1000e-326",
            "1e-999999999999999999999",
            "0.00000000000000000000001",
            "1e400",
            "123456789e-332",
            "-5e-324",
            "5e-400",
            "0.5e1",
            "1.0",
        ];
        for text in texts {
            let value: f64 = text.parse().unwrap();
            assert_eq!(truth(text), Some(value != 0.0), "{text}");
        }
        let zeros = "0".repeat(330);
        assert_eq!(truth(&format!("0.{zeros}1")), Some(false));
        assert_eq!(truth(&format!("1{zeros}e-330")), Some(true));
    }
}
