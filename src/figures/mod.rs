//! What calls cost: counts, and the pace that follows from them, over memory that is lent.

pub mod pace;
