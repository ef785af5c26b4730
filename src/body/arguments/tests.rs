//! What the scanners ask of [`Fields`] and [`Names`] to save work: the values are the same without it.

use std::cell::RefCell;

use super::name::{Name, hash};
use super::{CMD_MAX, Documents, Lend, NAME_MAX, Names, Slot, VALUE_MAX};
use crate::body::testing::with_names;
use crate::body::{Charset, Fields};

static DOCUMENTS: Documents = Documents {
    member: b"m",
    arguments: &[(b"doc", 1)],
};

/// Fields for `cmd`, `name` and `doc`, whose member has the second of two places.
fn with_all<T>(body: impl FnOnce(&mut Fields<'_>) -> T) -> T {
    let mut names = Names::new();
    names.add(b"name");
    names.add_documents(&DOCUMENTS);
    names.add_places(&[5, 6]);
    with_names(&names, body)
}

#[test]
fn places_are_behind_the_names() {
    with_all(|fields| {
        assert!(fields.has_place(0) && fields.has_place(1) && !fields.has_place(2));
        let names = fields.names();
        assert_eq!((names.place(0), names.place(1), names.slots()), (3, 4, 5));
        assert_eq!(names.document(2), Some(4));
    });
}

/// Lends room, and notes how much.
#[derive(Debug, Default)]
struct Lender(RefCell<Vec<usize>>);

impl<'r> Lend<'r> for Lender {
    fn lend(&self, len: usize) -> Option<&'r mut [u8]> {
        self.0.borrow_mut().push(len);
        Some(vec![0; len].leak())
    }
}

#[test]
fn room_is_lent_once_and_only_where_a_value_needs_it() {
    let mut names = Names::new();
    names.add_documents(&DOCUMENTS);
    names.add_places(&[0, 6]);
    names.add_up_to(b"long", 2 * VALUE_MAX);
    let lender = Lender::default();
    let mut slots: Vec<_> = (0..names.slots()).map(|_| Slot::lent()).collect();
    let mut fields = Fields::new(&names, &mut slots).lent_by(&lender);
    let mut expected = Vec::new();
    for (index, room) in [(0, CMD_MAX), (1, 0), (2, VALUE_MAX), (3, 0), (4, 6)] {
        fields.start(index, Charset::Utf8);
        fields.start(index, Charset::Utf8);
        expected.extend(Some(room).filter(|room| *room > 0));
        assert_eq!(*lender.0.borrow(), expected, "{index}");
        fields.push(index, &[b'x'; 6]);
    }
    fields.settle();
    assert_eq!((fields.text(4), fields.text(1)), (&b"xxxxxx"[..], &b""[..]));
}

#[test]
fn documents_are_known() {
    assert!(!Names::new().has_documents());
    with_all(|fields| assert!(fields.names().has_documents()));
}

#[test]
fn a_document_is_read_from_its_start_to_its_end() {
    with_all(|fields| {
        for index in [1, 2] {
            assert!(!fields.is_reading(index));
            assert!(fields.start_first(index, Charset::Utf8));
            assert_eq!(fields.is_reading(index), index == 2);
            fields.end(index, false);
            assert!(!fields.is_reading(index));
        }
    });
}

#[test]
fn fields_are_full_once_each_name_has_a_value() {
    with_all(|fields| {
        for index in [2, 0, 1] {
            assert!(!fields.is_full());
            assert!(fields.start_first(index, Charset::Utf8));
            assert!(!fields.start_first(index, Charset::Utf8));
        }
        assert!(fields.is_full());
        fields.clear();
        assert!(!fields.is_full());
    });
}

#[test]
fn no_more_of_a_value_is_read_than_there_is_room_for() {
    with_all(|fields| {
        for (index, reads_on) in [(1, false), (2, true)] {
            let max = fields.names().value_max(index);
            fields.start(index, Charset::Utf8);
            fields.push(index, &vec![b' '; max]);
            assert!(!fields.is_spent(index));
            fields.push_byte(index, b' ');
            assert_eq!(fields.is_spent(index), !reads_on);
            fields.end(index, false);
            assert!(fields.is_spent(index));
        }
    });
}

/// The names have 3 and 4 bytes, and one of the longest.
#[test]
fn most_names_are_ruled_out_by_their_length() {
    let is_long = |len| len >= 63;
    with_all(|fields| {
        for len in 0..400 {
            assert_eq!(fields.may_find(len), matches!(len, 3 | 4), "{len}");
            assert_eq!(fields.may_find_encoded(len), matches!(len, 3..15), "{len}");
        }
    });
    let mut names = Names::new();
    names.add(&[b'x'; NAME_MAX]);
    with_names(&names, |fields| {
        for len in 0..400 {
            assert_eq!(fields.may_find(len), len == 3 || is_long(len), "{len}");
            let expected = matches!(len, 3..12) || is_long(len);
            assert_eq!(fields.may_find_encoded(len), expected, "{len}");
        }
    });
}

/// The values are those of the hash's authors.
#[test]
fn names_are_hashed_by_fnv_1a() {
    for (name, expected) in [
        ("", 0xcbf2_9ce4_8422_2325),
        ("a", 0xaf63_dc4c_8601_ec8c),
        ("foobar", 0x8594_4171_f739_67e8),
    ] {
        assert_eq!(hash(name.as_bytes()), expected, "{name}");
        let mut pieces = Name::EMPTY;
        let (front, rest) = name.split_at(name.len() / 2);
        pieces.mix(front.as_bytes());
        pieces.mix(rest.as_bytes());
        assert_eq!(pieces.hash(), expected, "{name}");
    }
}
