//! Memory for the values of a request, for callers that have no pool to take it from.

use core::mem::MaybeUninit;

use super::{CMD_MAX, Names, Slot, VALUE_MAX, ValueRoom};

/// Room for the values of all names.
#[derive(Debug)]
pub struct Values(Vec<Room>);

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "most are long")]
enum Room {
    Short(MaybeUninit<[u8; CMD_MAX]>),
    Long(MaybeUninit<[u8; VALUE_MAX]>),
}

impl Values {
    /// Room for these names.
    pub fn new(names: &Names) -> Self {
        let room = |index| match names.is_short(index) {
            true => Room::Short(MaybeUninit::uninit()),
            false => Room::Long(MaybeUninit::uninit()),
        };
        Self((0..names.slots()).map(room).collect())
    }

    /// A slot a name.
    pub fn slots(&mut self) -> Vec<Slot<'_>> {
        let rooms = self.0.iter_mut().map(|room| match room {
            Room::Short(place) => ValueRoom::Short(place),
            Room::Long(place) => ValueRoom::Long(place),
        });
        rooms.map(Slot::new).collect()
    }
}
