//! Arguments that are documents: JSON objects, or lists of them. One member of the object is wanted, or of
//! the first object of the list. Its value goes to a slot of its own.

use core::fmt;

use super::Fields;
use crate::body::Charset;

/// Which arguments are documents, and which member of them is wanted.
#[derive(Debug)]
pub struct Documents {
    /// the name of the wanted member
    pub member: &'static [u8],
    /// the name of each argument, and the [place](super::Names::add_places) for its member
    pub arguments: &'static [(&'static [u8], usize)],
}

impl Documents {
    pub(super) const NONE: Self = Self {
        member: b"",
        arguments: &[],
    };
}

/// Reads the JSON text of a document, as it streams by.
pub trait ScanDocument {
    /// A document begins, whose member goes to this slot.
    fn start(&mut self, slot: usize, charset: Charset);

    /// Takes the next bytes.
    fn feed(&mut self, bytes: &[u8], fields: &mut Fields<'_>);

    /// Takes half of a surrogate pair.
    fn feed_half(&mut self, half: u16, fields: &mut Fields<'_>);

    /// Takes back the last `count` bytes, which were a delimiter and no part of the document.
    fn take_back(&mut self, count: usize, fields: &mut Fields<'_>);

    /// The document is complete. False where it is no JSON; one that is too short for the member need not be read.
    fn end(&mut self, fields: &mut Fields<'_>) -> bool;
}

/// Prints the name of the trait alone, as for [`LendPage`](crate::body::LendPage).
impl fmt::Debug for dyn ScanDocument + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScanDocument")
    }
}

impl<'r> Fields<'r> {
    pub(super) fn start_document(&mut self, index: usize, slot: usize, charset: Charset) {
        self.drop_document();
        // This holds until the member has come.
        self.set_slot_not_text(slot, true);
        if let Some(scanner) = &mut self.scanner {
            scanner.start(slot, charset);
            self.reading = Some(index);
        }
    }

    pub(super) fn end_document(&mut self, index: usize, from_list: bool) {
        let is_json = self.scan(|scanner, fields| scanner.end(fields));
        self.reading = None;
        if is_json == Some(true) && !from_list {
            return;
        }
        if let Some(slot) = self.names.document(index) {
            match is_json {
                Some(true) => self.set_from_list(slot),
                Some(false) | None => self.set_slot_not_text(slot, true),
            }
        }
    }

    /// Gives up a document that has not ended: it has no member.
    #[inline]
    pub(super) fn drop_document(&mut self) {
        let slot = self
            .reading
            .take()
            .and_then(|index| self.names.document(index));
        if let Some(slot) = slot {
            self.set_slot_not_text(slot, true);
        }
    }

    pub(super) fn scan<T>(
        &mut self,
        scan: impl FnOnce(&mut dyn ScanDocument, &mut Self) -> T,
    ) -> Option<T> {
        let scanner = self.scanner.take()?;
        let result = scan(scanner, self);
        self.scanner = Some(scanner);
        Some(result)
    }
}
