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
    pub(super) fn push(&mut self, byte: u8) -> bool {
        let state = match (self.state, byte) {
            (State::Minus, b'0') => State::Zero,
            (State::Minus | State::Int, b'0'..=b'9') => State::Int,
            (State::Zero | State::Int, b'.') => State::Point,
            (State::Point | State::Fraction, b'0'..=b'9') => State::Fraction,
            (State::Zero | State::Int | State::Fraction, b'e' | b'E') => State::E,
            (State::E, b'+' | b'-') => {
                self.negative_exponent = byte == b'-';
                State::ESign
            }
            (State::E | State::ESign | State::Exponent, b'0'..=b'9') => {
                let digit = i64::from(byte.wrapping_sub(b'0'));
                self.exponent = self.exponent.saturating_mul(10).saturating_add(digit);
                State::Exponent
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
        let infinite = self.is_above(exponent, LARGEST_EXPONENT, ABOVE_LARGEST.saturating_sub(1));
        if infinite && !rules.not_finite {
            return Err(Trouble::JsonNotFinite);
        }
        Ok(self.is_above(exponent, SMALLEST_EXPONENT, HALF_OF_SMALLEST)
            || (integer && self.lead > 0))
    }

    fn is_above(&self, exponent: i64, limit_exponent: i64, limit: u64) -> bool {
        let missing = DIGITS.saturating_sub(self.lead_len);
        let lead = self.lead.saturating_mul(10_u64.saturating_pow(missing));
        self.lead > 0 && (exponent > limit_exponent || (exponent == limit_exponent && lead > limit))
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
    /// The rest of a number.
    pub(super) fn number<'c>(
        &mut self,
        rest: &'c [u8],
        mut number: Number,
        fields: &mut Fields<'_>,
    ) -> &'c [u8] {
        let mut rest = rest;
        while let Some((byte, after)) = rest.split_first() {
            if number.is_minus() && *byte == b'I' && self.rules.not_finite {
                self.state = Next::Literal(b"nfinity");
                return after;
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
        self.state = Next::Number(number);
        rest
    }
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
