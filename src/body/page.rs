//! Memory that few bodies need, and that is asked for only by those that do.

use core::cell::RefCell;
use core::fmt;
use core::mem::MaybeUninit;

/// Bytes of a page.
pub(in crate::body) const PAGE_LEN: usize = 4096;

/// A page. It need not be zero: who needs it writes zeros first.
pub type Page = MaybeUninit<[u8; PAGE_LEN]>;

/// Who has a page for a scanner.
pub trait LendPage<'r> {
    /// None where there is no memory. A scanner that has got a page does not ask again.
    fn lend(&self) -> Option<&'r mut Page>;
}

/// As one word: a supertrait would take a derived text of each implementor into every module.
impl fmt::Debug for dyn LendPage<'_> + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LendPage")
    }
}

/// Lends a page that is there already.
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
