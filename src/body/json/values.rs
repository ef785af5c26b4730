//! Values, and the arrays and objects around them: what begins, what ends, and what of it is wanted.

use super::{Json, JsonLists, State};
use crate::body::{Fields, Trouble};

impl Json<'_> {
    /// The first byte of a value, or what stands in its place in an empty array or object.
    pub(super) fn first(&mut self, byte: u8, fields: &mut Fields<'_>) {
        match (self.state, byte) {
            (State::FirstItem, b']') | (State::FirstKey, b'}') => self.empty(byte, fields),
            (State::FirstKey, _) => self.fail(Trouble::JsonSyntax),
            _ => self.value(byte, fields),
        }
    }

    /// A byte behind a value or a key.
    pub(super) fn structure(&mut self, byte: u8, fields: &mut Fields<'_>) {
        match (self.state, byte) {
            (State::After, b',') if self.levels.in_object() => self.state = State::Key,
            (State::After, b'}') if self.levels.in_object() => self.close(fields),
            (State::After, b',') if self.levels.in_array() => self.state = State::Value,
            (State::After, b']') if self.levels.in_array() => self.close(fields),
            (State::After, _) if self.levels.depth() == 0 && self.root.is_some() => {
                self.state = State::Tail(1);
            }
            (State::Colon, b':') => self.state = State::Value,
            _ => self.fail(Trouble::JsonSyntax),
        }
    }

    /// The end of `[]` or `{}`, which are false to Python.
    pub(super) fn empty(&mut self, byte: u8, fields: &mut Fields<'_>) {
        if byte == b'}' && self.has_wanted_keys() {
            self.leave();
        }
        if self.first_item && self.levels.depth() == self.base.wrapping_add(1) {
            self.first_item = false;
        }
        if self.levels.depth() == self.target_depth().wrapping_add(1) && self.keeps_first_item() {
            self.set_member(false, fields);
        }
        if byte == b']' && self.levels.depth() == 2 && self.unwraps {
            self.empty_lists.add(self.key.hash());
        }
        self.close(fields);
    }

    /// The first byte of a value.
    pub(super) fn value(&mut self, byte: u8, fields: &mut Fields<'_>) {
        match self.levels.depth() {
            0 => {
                self.top = Some(byte);
                self.unwraps = byte == b'{' && self.rules.lists != JsonLists::Keep;
            }
            1 if self.unwraps => self.empty_lists.remove(self.key.hash()),
            _ => {}
        }
        if byte == b'"' {
            if let Some(index) = self.wanted() {
                fields.start(index, self.charset);
            }
            self.in_key = false;
            self.state = State::Text;
            return;
        }
        // The brackets differ in one bit only.
        if byte | 0x20 == b'{' {
            return self.open(byte == b'{', fields);
        }
        let (truthy, state) = match byte {
            b't' => (true, State::Literal(b"rue")),
            b'f' => (false, State::Literal(b"alse")),
            b'n' => (false, State::Literal(b"ull")),
            b'N' if self.rules.not_finite => (true, State::Literal(b"aN")),
            b'I' if self.rules.not_finite => (true, State::Literal(b"nfinity")),
            b'-' | b'0'..=b'9' => (true, State::Number),
            _ => (true, State::Failed(Trouble::JsonSyntax)),
        };
        self.set_not_text(truthy, fields);
        self.state = state;
    }

    /// The depth of values that go to the member's slot.
    pub(super) fn target_depth(&self) -> usize {
        self.base.wrapping_add(usize::from(self.first_item))
    }

    /// The slot that a value which begins here goes to.
    #[inline]
    pub(super) fn wanted(&self) -> Option<usize> {
        self.member
            .filter(|_| self.levels.depth() == self.target_depth() && self.keeps_first_item())
    }

    /// The first item of a list, if one is read, is the member's value.
    pub(super) fn keeps_first_item(&self) -> bool {
        !self.first_item || self.unwraps
    }

    /// The value that begins or ends here is no text.
    #[inline]
    pub(super) fn set_not_text(&self, truthy: bool, fields: &mut Fields<'_>) {
        if self.wanted().is_some() {
            self.set_member(truthy, fields);
        }
    }

    pub(super) fn set_member(&self, truthy: bool, fields: &mut Fields<'_>) {
        if let Some(index) = self.member {
            fields.set_not_text(index, truthy);
        }
    }

    #[inline]
    pub(super) fn end_of_value(&mut self, fields: &mut Fields<'_>) {
        if self.first_item && self.levels.depth() == self.target_depth() {
            self.first_item = false;
            if let Some(index) = self.member.take() {
                fields.set_from_list(index);
            }
        }
        if self.levels.depth() == self.base {
            self.member = None;
        }
        self.state = State::After;
    }

    pub(super) fn open(&mut self, object: bool, fields: &mut Fields<'_>) {
        let is_here = self.levels.depth() == self.target_depth();
        let document = is_here.then(|| self.document_here(fields)).flatten();
        let is_wanted = is_here && self.member.is_some() && self.keeps_first_item();
        let unwraps = !object && !self.first_item && is_wanted && self.unwraps;
        if is_wanted && !unwraps {
            if let Some(member) = self.member {
                fields.set_slot_not_text(member, true);
            }
            if let Some(slot) = document {
                fields.set_slot_not_text(slot, true);
            }
        }
        match document {
            Some(slot) if object => self.enter(slot),
            _ => self.first_item |= unwraps || !object && document.is_some(),
        }
        if self.levels.depth() >= self.rules.depth_max || !self.levels.push(object) {
            return self.fail(Trouble::JsonTooDeep);
        }
        self.state = if object {
            State::FirstKey
        } else {
            State::FirstItem
        };
    }

    #[inline]
    pub(super) fn close(&mut self, fields: &mut Fields<'_>) {
        self.levels.pop();
        if self.levels.depth() < self.base {
            self.leave();
        }
        self.end_of_value(fields);
    }
}
