//! What the versions of Frappe do differently, a row a dialect: the newest is the default.
//!
//! A row holds for all versions from its own on up to the next row's. To add a version, add a
//! row; a switch that no row had before gets a field in [`Dialect`].

use nom::Parser;
use nom::character::complete::{char, u16};
use nom::combinator::{all_consuming, opt};
use nom::sequence::preceded;

use crate::body::content_type::JsonTest;
use crate::body::form::RawBytes;
use crate::body::json::JsonRules;

/// The rules of a range of versions.
#[derive(Debug)]
pub struct Dialect {
    /// the first version with these rules
    pub since: Version,
    /// how JSON is recognised
    pub json_test: JsonTest,
    /// what the JSON parser takes
    pub json: JsonRules,
    /// a urlencoded body that is not UTF-8
    pub raw_bytes: RawBytes,
    /// werkzeug's `max_form_parts`
    pub parts_max: Option<u32>,
}

/// Major, minor, patch.
pub type Version = (u16, u16, u16);

/// `json.loads` of current Pythons, which Frappe 15 and 16 use.
const JSON_LOADS: JsonRules = JsonRules {
    not_finite: true,
    lone_surrogates: true,
    int_digits_max: Some(4300),
    depth_max: 999,
};

/// `orjson.loads`, which Frappe 17 uses.
const ORJSON: JsonRules = JsonRules {
    not_finite: false,
    lone_surrogates: false,
    int_digits_max: None,
    depth_max: 1024,
};

/// All dialects, oldest first.
pub static DIALECTS: &[Dialect] = &[
    Dialect {
        since: (15, 16, 0),
        json_test: JsonTest::IsJson,
        json: JSON_LOADS,
        raw_bytes: RawBytes::Drop,
        parts_max: Some(1000),
    },
    Dialect {
        since: (17, 0, 0),
        json_test: JsonTest::IsJson,
        json: ORJSON,
        raw_bytes: RawBytes::Drop,
        parts_max: Some(1000),
    },
];

/// What a `frappe_version` directive may say.
pub const VERSIONS: &str = "\"15\", \"16\" or \"17\"";

/// The newest dialect.
pub fn newest() -> Option<&'static Dialect> {
    DIALECTS.last()
}

/// The dialect of a version as it stands in the configuration. A bare major version means its
/// newest release.
pub fn find(version: &[u8]) -> Option<&'static Dialect> {
    let (major, rest) = parse(version)?;
    if rest.is_some() || !(15..=17).contains(&major) {
        return None;
    }
    let newest = (major, u16::MAX, u16::MAX);
    DIALECTS
        .iter()
        .rev()
        .find(|dialect| dialect.since <= newest)
}

type Rest = Option<(u16, Option<u16>)>;

/// `MAJOR[.MINOR[.PATCH]]`
fn parse(version: &[u8]) -> Option<(u16, Rest)> {
    let number = || u16::<&[u8], nom::error::Error<&[u8]>>;
    let patch = preceded(char('.'), number());
    let minor = preceded(char('.'), (number(), opt(patch)));
    let (_, version) = all_consuming((number(), opt(minor))).parse(version).ok()?;
    Some(version)
}

#[cfg(test)]
mod tests {
    use super::{DIALECTS, find, newest};

    #[test]
    fn versions() {
        let since = |version: &str| find(version.as_bytes()).map(|dialect| dialect.since);
        assert_eq!(since("15"), Some((15, 16, 0)));
        assert_eq!(since("16"), Some((15, 16, 0)));
        assert_eq!(since("17"), Some((17, 0, 0)));
        assert_eq!(newest().map(|dialect| dialect.since), Some((17, 0, 0)));
        for bad in [
            "", "9", "14", "18", "x", "15x", "15.", "15.1.2.3", "-15", "99999", " 15",
        ] {
            assert_eq!(since(bad), None, "{bad}");
        }
    }

    #[test]
    fn rows_ascend() {
        assert!(DIALECTS.is_sorted_by(|a, b| a.since < b.since));
    }
}
