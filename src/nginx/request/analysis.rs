//! One reading of a request: its values, and the scanner of its body.

use core::fmt;
use core::slice;

use nginx_sys::{ngx_palloc, ngx_pool_t};

use super::memory::Block;
use super::rules::LocConf;
use crate::body::{
    Body, End, Fields, Form, Json, LendPage, MediaType, Multipart, Names, Page, Room, Scratch,
    Skim, Slot, ValueRoom,
};
use crate::frappe::{self, Dialect, Head, Outcome, Plan};
use crate::nginx::ffi::guard;
use crate::nginx::ffi::request::Request;

/// What a reading is made of.
pub(in crate::nginx) struct Parts {
    pub(in crate::nginx) head: Head<'static>,
    /// how the body is to be scanned, if it is
    pub(in crate::nginx) plan: Plan,
    pub(in crate::nginx) conf: &'static LocConf,
    pub(in crate::nginx) dialect: &'static Dialect,
    /// it is decided by so many bytes of the body
    pub(in crate::nginx) preread: Option<usize>,
}

/// What is read of a request, in memory of its pool.
pub(in crate::nginx) struct Analysis {
    fields: Fields<'static>,
    body: Option<Body<'static>>,
    /// how a body ended that needs no scanner
    end: Option<End>,
    /// a scanner is running; still set afterwards if it panicked
    busy: bool,
}

/// Lends a page from a request's pool.
#[derive(Clone, Copy)]
pub(in crate::nginx) struct Pool(*mut ngx_pool_t);

/// Short, since a derived one would be half a KiB of a module that never asks for it.
impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

impl Pool {
    pub(in crate::nginx) fn of(r: Request) -> Self {
        Self(r.main().pool())
    }
}

impl LendPage<'static> for Pool {
    fn lend(&self) -> Option<&'static mut Page> {
        // SAFETY: whoever asks lies in the pool himself, so it is there; a null result is checked.
        // The block is large enough, and a page needs no alignment. It lives as long as the request.
        unsafe {
            ngx_palloc(self.0, size_of::<Page>())
                .cast::<Page>()
                .as_mut()
        }
    }
}

impl Analysis {
    /// Of a request that holds nothing.
    pub(in crate::nginx) fn nothing(names: &'static Names) -> Self {
        Self {
            fields: Fields::new(names, &mut []),
            body: None,
            end: None,
            busy: false,
        }
    }

    /// The most bytes that [`Self::new`] takes.
    pub(in crate::nginx) fn len(names: &Names, plan: Plan, head: &Head<'_>) -> Option<usize> {
        let scanner = match plan {
            Plan::Scan(MediaType::Multipart) => size_of::<Multipart<'_>>()
                .checked_add(align_of::<Multipart<'_>>())?
                .checked_add(Multipart::scratch_len(head.content_type))?
                .checked_add(size_of::<Pool>())?,
            Plan::Scan(MediaType::Form) => size_of::<Form>(),
            Plan::Scan(MediaType::Json) => size_of::<Json<'_>>().checked_add(size_of::<Pool>())?,
            Plan::Scan(MediaType::Other) | Plan::Ignore | Plan::Encoded(_) => 0,
        };
        let slots = names.slots().checked_mul(size_of::<Slot<'_>>())?;
        size_of::<Self>()
            .checked_add(slots)?
            .checked_add(names.values_len())?
            .checked_add(scanner)?
            // As it is for what follows.
            .checked_next_multiple_of(align_of::<Slot<'_>>())
    }

    /// None where `block` has less than [`Self::len`] bytes.
    pub(in crate::nginx) fn new(
        names: &'static Names,
        parts: &Parts,
        pool: Pool,
        block: &mut Block<'static>,
    ) -> Option<&'static mut Self> {
        let &Parts {
            plan,
            ref head,
            dialect,
            ..
        } = parts;
        let place = block.take_one()?;
        let count = names.slots();
        let slots = block.take::<Slot<'static>>(count)?;
        let room = match plan {
            Plan::Scan(MediaType::Form) => Some(Room::Form(block.take_one()?)),
            Plan::Scan(MediaType::Json) => {
                let place = block.take_one()?;
                Some(Room::Json(place, block.take_one()?.write(pool)))
            }
            Plan::Scan(MediaType::Multipart) => {
                let place = block.take_one()?;
                let bytes = block.take_bytes(Multipart::scratch_len(head.content_type))?;
                let lender = block.take_one()?.write(pool);
                Some(Room::Multipart(place, Scratch { bytes, lender }))
            }
            Plan::Scan(MediaType::Other) | Plan::Ignore | Plan::Encoded(_) => None,
        };
        for (index, slot) in slots.iter_mut().enumerate() {
            // Unwritten until there is a value.
            let room = match names.is_short(index) {
                true => ValueRoom::Short(block.take_one()?),
                false => ValueRoom::Long(block.take_one()?),
            };
            slot.write(Slot::new(room));
        }
        // SAFETY: each slot has been written.
        let slots = unsafe { slice::from_raw_parts_mut(slots.as_mut_ptr().cast(), count) };
        let mut fields = Fields::new(names, slots);
        let scanner = room.map(|room| frappe::scanner(room, head, dialect, &mut fields));
        let (body, end) = match scanner {
            Some(Ok(body)) => (Some(body), None),
            Some(Err(end)) => (None, Some(end)),
            None => (None, None),
        };
        Some(place.write(Self {
            fields,
            body,
            end,
            busy: false,
        }))
    }

    pub(in crate::nginx) fn fields(&self) -> &Fields<'static> {
        &self.fields
    }

    /// There is a body to be fed.
    pub(in crate::nginx) fn wants_body(&self) -> bool {
        self.body.is_some()
    }

    /// Nothing that follows gives another cmd.
    pub(in crate::nginx) fn is_decided(&self) -> bool {
        let body = self.body.as_ref();
        body.is_none_or(|body| body.is_decided(&self.fields))
    }

    /// Tells bytes that need not be fed, while there are any.
    pub(in crate::nginx) fn skim(&self) -> Option<Skim> {
        self.body.as_ref().filter(|_| !self.busy)?.skim()
    }

    /// The next bytes of the body.
    pub(in crate::nginx) fn feed(&mut self, chunk: &[u8]) {
        if let Some(body) = self.body.as_mut().filter(|_| !self.busy) {
            self.busy = true;
            guard::probe(chunk, b"panic-in-scanner");
            body.feed(chunk, &mut self.fields);
            self.busy = false;
        }
    }

    /// The body has been fed, as a whole or `early` only its first bytes: what will Frappe do?
    /// None after a panic.
    pub(in crate::nginx) fn resolve(
        &mut self,
        head: &Head<'_>,
        plan: Plan,
        dialect: &Dialect,
        early: bool,
    ) -> Option<Outcome> {
        if self.busy {
            return None;
        }
        guard::probe(head.target, b"panic-in-resolver");
        let end = match &mut self.body {
            Some(body) if early => Some(body.finish_early(&mut self.fields)),
            Some(body) => Some(body.finish(&mut self.fields)),
            None => self.end,
        };
        Some(frappe::resolve(head, plan, end, dialect, &mut self.fields))
    }
}
