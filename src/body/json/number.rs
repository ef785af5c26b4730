//! One JSON number: its grammar, whether it is zero, and whether the parser takes its size.

use core::cmp::Ordering;

use super::{Json, JsonRules, State as Next};
use crate::body::Fields;
use crate::body::Trouble;

/// The digits of the least number that a double cannot hold, 2^1024 - 2^970, which is 1.797...e308. Below
/// it, the largest double is nearer.
static TOO_LARGE: [u8; 155] = pack(
    b"\
    179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587207096330286\
    416692887910946555547851940402630657488671505820681908902000708383676273854845817711531764475730270069855571\
    366959622842914819860834936475292719074168444365510704342711559699508093042880177904174497792",
);
const TOO_LARGE_PLACE: i64 = 308;
const TOO_LARGE_LEN: usize = 309;
/// The digits of half the smallest double, 2^-1075, which is 2.470...e-324: what is not above it becomes
/// zero.
static TOO_SMALL: [u8; 376] = pack(
    b"\
    247032822920623272088284396434110686182529901307162382212792841250337753635104375932649918180817996189898282\
    347722858865463328355177969898199387398005390939063150356595155702263922908583924491051844359318028499365361\
    525003193704576782492193656236698636584807570015857692699037063119282795585513329278343384093519780155312465\
    972635795746227664652728272200563740064854999770965994704540208281662262378573934507363390079677619305775067\
    401763246736009689513405355374585166611342237666786041621596804619144672918403005300575308490487653917113865\
    916462395249126236538818796362393732804238910186723484976682350898633885879256283027559956575244555072551893\
    13690836254779186948667994968324049705821028513185451396213837722826145437693412532098591327667236328125",
);
const TOO_SMALL_PLACE: i64 = -324;
/// Numbers whose first digit stands nearer to the point than this are finite, and not rounded to zero.
const ORDINARY: u64 = 300;

/// Decimal digits, two to a byte.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "when this is compiled"
)]
const fn pack<const LEN: usize>(digits: &[u8]) -> [u8; LEN] {
    let mut packed = [0; LEN];
    let mut n = 0;
    while n < digits.len() {
        packed[n / 2] |= (digits[n] & 0xf) << (4 - n % 2 * 4);
        n += 1;
    }
    packed
}

/// One of the packed digits, 0 behind the last.
fn nth(packed: &[u8], n: usize) -> u8 {
    let pair = packed.get(n / 2).copied().unwrap_or_default();
    match n.is_multiple_of(2) {
        true => pair >> 4,
        false => pair & 0xf,
    }
}

/// A number that is being read. `exponent` counts the place of the first digit that is not 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number {
    state: State,
    /// how many digits have come, without leading zeros
    len: usize,
    /// how they compare with as many of `TOO_LARGE`, and of `TOO_SMALL`
    to_large: Ordering,
    to_small: Ordering,
    /// the power of ten of the first of them
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
            len: 0,
            to_large: Ordering::Equal,
            to_small: Ordering::Equal,
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
                self.place = self.place.saturating_add(1);
                self.digit(byte);
            }
            State::Fraction => {
                if self.len == 0 {
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
        let is_known = self.to_large.is_ne() && self.to_small.is_ne();
        if !is_known || !matches!(self.state, State::Int | State::Fraction) {
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
        if self.len == 0 || exponent.unsigned_abs() < ORDINARY {
            // As most are: neither too large nor so small that it is rounded to zero.
            return Ok(self.len > 0);
        }
        let infinite = match exponent.cmp(&TOO_LARGE_PLACE) {
            Ordering::Equal if self.to_large.is_eq() => self.len >= TOO_LARGE_LEN,
            order => order.then(self.to_large).is_gt(),
        };
        if infinite && !rules.not_finite {
            return Err(Trouble::JsonNotFinite);
        }
        // The number in the middle between zero and the smallest double is rounded to zero.
        let order = exponent.cmp(&TOO_SMALL_PLACE).then(self.to_small);
        Ok(order.is_gt() || integer)
    }

    fn digit(&mut self, byte: u8) {
        if self.len == 0 && byte == b'0' {
            return;
        }
        let to = |digits: &[u8]| (byte & 0xf).cmp(&nth(digits, self.len));
        self.to_large = self.to_large.then_with(|| to(&TOO_LARGE));
        self.to_small = self.to_small.then_with(|| to(&TOO_SMALL));
        self.len = self.len.saturating_add(1);
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
    use super::{Number, TOO_LARGE, TOO_SMALL, few_digits, nth};
    use crate::frappe::dialect;

    fn truth_by(version: &[u8], text: &str) -> Option<bool> {
        let rules = dialect::find(version)?.json;
        let mut bytes = text.bytes();
        let mut number = Number::new(bytes.next()?);
        bytes
            .all(|byte| number.push(byte))
            .then(|| number.end(&rules).ok())?
    }

    fn truth(text: &str) -> Option<bool> {
        truth_by(b"15", text)
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
            "0e999",
            "0.0e-999",
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

    /// Where std's parser, which rounds as Python and orjson do, changes from one double to the next.
    #[test]
    fn the_borders_are_exact() {
        for (packed, place) in [(&TOO_LARGE[..], 308), (&TOO_SMALL[..], -324)] {
            let digits: String = (0..2 * packed.len())
                .map(|n| char::from(b'0' + nth(packed, n)))
                .collect();
            for len in 0..=digits.len() {
                for tail in ["", "0", "00", "01", "1", "5", "9"] {
                    let digits = [&digits[..len], tail].concat();
                    let end = place + 1 - digits.len() as i64;
                    for text in [
                        format!("0.{digits}0e{}", place + 1),
                        format!("{}0e{}", digits.trim_start_matches('0'), end - 1),
                    ] {
                        let value: f64 = text.parse().unwrap();
                        assert_eq!(truth(&text), Some(value != 0.0), "{text}");
                        let taken = truth_by(b"17", &text).is_some();
                        assert_eq!(taken, value.is_finite(), "{text}");
                    }
                }
            }
        }
    }

    /// Digits that say nothing new are passed at once, and so are the few of a short number.
    #[test]
    fn digits_are_passed() {
        let mut number = Number::new(b'9');
        assert_eq!(number.skip_digits(b"12.5"), Some(&b".5"[..]));
        assert_eq!(number.skip_digits(b".5"), None);
        assert_eq!(number.place, 2);
        let mut number = Number::new(b'1');
        assert_eq!(number.skip_digits(b"79"), None, "as in 1.79e308");
        assert!(number.push(b'8'));
        assert_eq!(number.skip_digits(b"0"), Some(&b""[..]));
        assert_eq!(few_digits(b"125,"), Some((&b"125"[..], &b","[..])));
        assert_eq!(few_digits(b"e"), Some((&b""[..], &b"e"[..])));
        assert_eq!(
            few_digits(b"1234567890"),
            Some((&b"12345678"[..], &b"90"[..]))
        );
    }
}
