//! What is known of a request, and the memory for it.
//!
//! | file | what |
//! | --- | --- |
//! | `rules` | what the directives say for the location that the request is in |
//! | `zones` | what the directives say of figures and pace |
//! | `head` | what the request line and the headers say |
//! | `analysis` | one analysis of a request: its values, its scanner |
//! | `life` | the request's context: its state, and the one question to it |
//! | `peek`, `look` | how far a look at the first bytes has come |
//! | `memory` | a block of memory that is given out piece by piece |

pub(super) mod look;
pub(super) mod memory;

#[cfg(all(feature = "module", not(test)))]
pub(super) mod analysis;
#[cfg(all(feature = "module", not(test)))]
pub(super) mod head;
#[cfg(all(feature = "module", not(test)))]
pub(super) mod life;
#[cfg(all(feature = "module", not(test)))]
pub(super) mod peek;
#[cfg(all(feature = "module", not(test)))]
pub(super) mod rules;
#[cfg(all(feature = "module", not(test)))]
pub(super) mod zones;
