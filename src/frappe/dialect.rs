//! What the versions of Frappe do differently: one table of Frappe's own rules, and one of the
//! werkzeug releases that they stand on.
//!
//! A row holds for all versions from its own on up to the next row's. To add a version, add a
//! row; a switch that no row had before gets a field in [`Dialect`] or [`Werkzeug`].

use nom::Parser;
use nom::character::complete::{char, u16};
use nom::combinator::{all_consuming, opt};
use nom::sequence::preceded;

use super::path::Routes;
use crate::body::header::content_type::JsonTest;
use crate::body::json::{JsonLists, JsonRules, JsonText};
use crate::body::werkzeug::{W0_14, W0_16, W2_1, W2_2, W2_3, W3_0, W3_1, Werkzeug};

/// The rules of a range of versions.
#[derive(Debug)]
pub struct Dialect {
    /// the first version with these rules
    pub since: Version,
    /// how query and form meet
    pub arguments: Arguments,
    /// whether OPTIONS runs a method
    pub options_run: bool,
    /// which paths name a method
    pub routes: Routes,
    /// how JSON is recognised
    pub json_test: JsonTest,
    /// what the JSON parser takes
    pub json: JsonRules,
    /// a JSON array has no arguments; otherwise it is refused
    pub json_arrays: bool,
    /// JSON without a body is as if it were no JSON; otherwise it is refused
    pub json_empty: bool,
    /// who parses forms
    pub werkzeug: &'static Werkzeug,
}

/// How query and form meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arguments {
    /// `form or args`: the query counts only where the form is empty
    FormOrQuery,
    /// the form is laid over the query, argument by argument
    Merged,
}

/// Major, minor, patch.
pub type Version = (u16, u16, u16);

/// Python 2's `json.loads(bytes)`.
const JSON_V10: JsonRules = JsonRules {
    text: JsonText::Strict,
    lists: JsonLists::FirstItemOrRefuse,
    ..JSON_LOADS
};

/// Python 3's `json.loads(bytes)`.
const JSON_V11: JsonRules = JsonRules {
    text: JsonText::StrictOrMarked,
    lists: JsonLists::FirstItem,
    ..JSON_LOADS
};

/// `json.loads(text)`, of which values that are lists give their first item.
const JSON_V12: JsonRules = JsonRules {
    lists: JsonLists::FirstItem,
    ..JSON_LOADS
};

/// `json.loads(text)` of the most permissive Python, since which one a server has cannot be seen:
/// integers of any length, as before 3.10.7 and 3.11, and so many levels as 3.13 takes.
const JSON_LOADS: JsonRules = JsonRules::LOADS;

/// `orjson.loads(text)`: from 16 on (frappe#33047).
const ORJSON: JsonRules = JsonRules {
    not_finite: false,
    lone_surrogates: false,
    depth_max: 1024,
    refuses_deeper: true,
    ..JSON_LOADS
};

/// One row: since, query and form, OPTIONS runs, paths, JSON test, JSON parser, arrays, empty
/// JSON, werkzeug.
macro_rules! dialects {
    ($($since:tt $arguments:ident $options:ident $routes:ident $test:ident $json:ident
       $arrays:ident $empty:ident $werkzeug:ident)*) => {
        &[$(Dialect {
            since: $since,
            arguments: Arguments::$arguments,
            options_run: $options,
            routes: Routes::$routes,
            json_test: JsonTest::$test,
            json: $json,
            json_arrays: $arrays,
            json_empty: $empty,
            werkzeug: &$werkzeug,
        }),*]
    };
}

/// All dialects, oldest first.
#[rustfmt::skip]
pub static DIALECTS: &[Dialect] = dialects! {
    // since        query, form  OPTIONS paths    JSON test JSON parser arrays empty  werkzeug
    (10,  0, 0)     FormOrQuery  true    Split    Exact     JSON_V10    false  false  W0_14
    (11,  0, 0)     FormOrQuery  true    Split    SubstringUnlessForm JSON_V11    false  true   W0_16
    (12,  0, 0)     FormOrQuery  true    Split    Substring JSON_V12    false  true   W0_16
    (12, 14, 0)     FormOrQuery  false   Split    Substring JSON_V12    false  true   W0_16
    (13, 18, 0)     Merged       false   Split    Substring JSON_V12    false  true   W0_16
    (14,  0, 0)     Merged       false   Split    Substring JSON_LOADS  false  true   W2_1
    (14,  8, 0)     Merged       false   Split    Substring JSON_LOADS  false  true   W2_2
    (14, 54, 1)     Merged       false   Split    IsJson    JSON_LOADS  false  true   W2_2
    (14, 57, 0)     Merged       false   Split    IsJson    JSON_LOADS  false  true   W2_3
    (15,  0, 0)     Merged       false   Rules    Substring JSON_LOADS  false  true   W2_3
    (15,  1, 0)     Merged       false   Rules    IsJson    JSON_LOADS  false  true   W3_0
    (15, 16, 0)     Merged       false   Rules    IsJson    JSON_LOADS  true   true   W3_0
    (16,  0, 0)     Merged       false   Rules    IsJson    ORJSON      true   true   W3_1
};

/// What a `frappe_version` directive may say.
pub const VERSIONS: &str = "a version from 10 to 17, as in \"15\", \"14.54\" or \"13.18.0\"";

const OLDEST: u16 = 10;
const NEWEST: u16 = 17;

/// The newest dialect.
pub fn newest() -> Option<&'static Dialect> {
    DIALECTS.last()
}

/// The dialect of a version as it stands in the configuration: `MAJOR[.MINOR[.PATCH]]`. What is
/// left out means the newest release.
pub fn find(version: &[u8]) -> Option<&'static Dialect> {
    let (major, minor, patch) = parse(version)?;
    if !(OLDEST..=NEWEST).contains(&major) {
        return None;
    }
    let wanted = (major, minor.unwrap_or(u16::MAX), patch.unwrap_or(u16::MAX));
    DIALECTS
        .iter()
        .rev()
        .find(|dialect| dialect.since <= wanted)
}

fn parse(version: &[u8]) -> Option<(u16, Option<u16>, Option<u16>)> {
    let number = || u16::<&[u8], nom::error::Error<&[u8]>>;
    let patch = preceded(char('.'), number());
    let minor = preceded(char('.'), (number(), opt(patch)));
    let (_, (major, rest)) = all_consuming((number(), opt(minor))).parse(version).ok()?;
    let (minor, patch) = rest.unzip();
    Some((major, minor, patch.flatten()))
}

#[cfg(test)]
mod tests {
    use super::{DIALECTS, find, newest};

    #[test]
    fn versions() {
        let since = |version: &str| find(version.as_bytes()).map(|dialect| dialect.since);
        let cases = [
            ("10", (10, 0, 0)),
            ("10.1.71", (10, 0, 0)),
            ("12.13", (12, 0, 0)),
            ("12.14", (12, 14, 0)),
            ("12", (12, 14, 0)),
            ("13", (13, 18, 0)),
            ("13.0", (12, 14, 0)),
            ("13.17.9", (12, 14, 0)),
            ("14.0", (14, 0, 0)),
            ("14.54.0", (14, 8, 0)),
            ("14.54.1", (14, 54, 1)),
            ("14.54", (14, 54, 1)),
            ("14", (14, 57, 0)),
            ("15.0", (15, 0, 0)),
            ("15.15", (15, 1, 0)),
            ("15", (15, 16, 0)),
            ("15.99", (15, 16, 0)),
            ("16.0", (16, 0, 0)),
            ("16", (16, 0, 0)),
            ("17", (16, 0, 0)),
        ];
        for (version, expected) in cases {
            assert_eq!(since(version), Some(expected), "{version}");
        }
        assert_eq!(newest().map(|dialect| dialect.since), Some((16, 0, 0)));
        for bad in [
            "", "9", "18", "x", "15x", "15.", "15.1.2.3", "-15", "99999", " 15", "015.x",
        ] {
            assert_eq!(since(bad), None, "{bad}");
        }
    }

    #[test]
    fn rows_ascend() {
        assert!(DIALECTS.is_sorted_by(|a, b| a.since < b.since));
    }
}
