//! Memory that few bodies need. A scanner asks for it only when its body does.

use core::cell::RefCell;
use core::fmt;
use core::mem::MaybeUninit;

/// Bytes of a page.
pub(in crate::body) const PAGE_LEN: usize = 4096;

/// A page. It need not be initialised: the scanner writes zeros first where it needs them.
pub type Page = MaybeUninit<[u8; PAGE_LEN]>;

/// Lends pages to a scanner.
pub trait LendPage<'r> {
    /// None where there is no memory. A scanner that has got a page does not ask again.
    fn lend(&self) -> Option<&'r mut Page>;
}

/// Prints the name of the trait alone: with `Debug` as a supertrait, the texts that `derive` makes for
/// each implementor would be part of the module.
impl fmt::Debug for dyn LendPage<'_> + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LendPage")
    }
}

/// Lends one page that its owner has allocated.
#[derive(Debug)]
pub struct OnePage<'r>(RefCell<Option<&'r mut Page>>);

impl<'r> OnePage<'r> {
    /// Lends this page, once.
    pub fn new(page: &'r mut Page) -> Self {
        Self(RefCell::new(Some(page)))
    }
}

impl<'r> LendPage<'r> for OnePage<'r> {
    fn lend(&self) -> Option<&'r mut Page> {
        self.0.try_borrow_mut().ok()?.take()
    }
}
