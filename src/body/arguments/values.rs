//! Memory for the values of a request, for callers that have no pool to take it from.

use super::{Names, Slot};

/// Room for the values of all names.
#[derive(Debug)]
pub struct Values(Vec<Vec<u8>>);

impl Values {
    /// Room for these names.
    pub fn new(names: &Names) -> Self {
        let max = (0..names.slots()).map(|index| names.value_max(index));
        Self(max.map(|max| vec![0; max]).collect())
    }

    /// One slot for each name and place.
    pub fn slots(&mut self) -> Vec<Slot<'_>> {
        self.0.iter_mut().map(|bytes| Slot::new(bytes)).collect()
    }
}
