//! What a block of a JSON text must know of those in front of it.

/// What a block must know of those in front of it.
#[derive(Clone, Copy, Default)]
pub(super) struct Carry {
    /// all bits are set where the block begins within a string
    pub(super) text: u64,
    /// 1 where its first byte follows a backslash
    pub(super) escaped: u64,
    /// 1 where a value, a key or, behind an opening bracket, a closing one comes next
    pub(super) value: u64,
    /// 1 where a key or its colon comes next
    pub(super) key: u64,
    /// 1 where its first byte follows an opening bracket
    pub(super) opened: u64,
    /// 1 where its first byte follows a string
    pub(super) closed: u64,
}

impl Carry {
    pub(super) fn in_text() -> Self {
        Self {
            text: u64::MAX,
            ..Self::default()
        }
    }

    pub(super) fn behind_separator() -> Self {
        Self {
            value: 1,
            ..Self::default()
        }
    }

    pub(super) fn behind_bracket() -> Self {
        Self {
            value: 1,
            opened: 1,
            ..Self::default()
        }
    }

    pub(super) fn behind_key() -> Self {
        Self {
            closed: 1,
            ..Self::default()
        }
    }
}
