//! One analysis of a request: the values that are found, and the scanner of its body.

use core::cell::Cell;
use core::mem::MaybeUninit;
use core::slice;

use nginx_sys::{ngx_palloc, ngx_pcalloc, ngx_pool_t};

use super::memory::Block;
use super::rules::LocConf;
use crate::body::{
    Body, CMD_MAX, Document, End, Fields, Form, Json, Lend, LendPage, MediaType, Multipart, Names,
    Page, Room, Scratch, Skim, Slot,
};
use crate::frappe::{self, Dialect, Head, Outcome, Plan};
use crate::nginx::ffi::guard;
use crate::nginx::ffi::request::Request;

/// What an analysis needs to begin.
pub(in crate::nginx) struct Parts {
    pub(in crate::nginx) head: Head<'static>,
    /// whether the body is to be scanned, and by which scanner
    pub(in crate::nginx) plan: Plan,
    pub(in crate::nginx) conf: &'static LocConf,
    pub(in crate::nginx) dialect: &'static Dialect,
    /// with `frappe_body preread`: how many bytes of the body decide
    pub(in crate::nginx) preread: Option<usize>,
}

/// The values and the scanner, in memory of the request's pool.
pub(in crate::nginx) struct Analysis {
    fields: Fields<'static>,
    body: Option<Body<'static>>,
    /// the result for a body that needs no scanner
    end: Option<End>,
    /// a scanner is running; a panic in it leaves this set
    busy: bool,
}

/// Lends memory of a request's pool that few requests need: pages, and room for values.
pub(in crate::nginx) struct Pool {
    pool: *mut ngx_pool_t,
    /// room for the one value that most requests have
    cmd: Cell<Option<&'static mut MaybeUninit<[u8; CMD_MAX]>>>,
}

impl Pool {
    fn new(r: Request, cmd: &'static mut MaybeUninit<[u8; CMD_MAX]>) -> Self {
        Self {
            pool: r.main().pool(),
            cmd: Cell::new(Some(cmd)),
        }
    }
}

impl LendPage<'static> for Pool {
    fn lend(&self) -> Option<&'static mut Page> {
        // SAFETY: this lender lies in the pool itself, so the pool is valid; a null result is checked.
        // The block is large enough, a page needs no alignment, and the pool lives as long as the
        // request.
        unsafe {
            ngx_palloc(self.pool, size_of::<Page>())
                .cast::<Page>()
                .as_mut()
        }
    }
}

impl Lend<'static> for Pool {
    fn lend(&self, len: usize) -> Option<&'static mut [u8]> {
        if len == CMD_MAX
            && let Some(cmd) = self.cmd.take()
        {
            return Some(cmd.write([0; CMD_MAX]));
        }
        // SAFETY: as above; nginx has set the bytes to zero, so they are initialised.
        unsafe {
            let start = ngx_pcalloc(self.pool, len).cast::<u8>();
            (!start.is_null()).then(|| slice::from_raw_parts_mut(start, len))
        }
    }
}

impl Analysis {
    /// The analysis of a request that can have no arguments.
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
                .checked_add(Multipart::scratch_len(head.content_type))?,
            Plan::Scan(MediaType::Form) => size_of::<Form>(),
            Plan::Scan(MediaType::Json) => size_of::<Json<'_>>(),
            Plan::Scan(MediaType::Other) | Plan::Ignore => 0,
        };
        let slots = names.slots().checked_mul(size_of::<Slot<'_>>())?;
        let document = match names.has_documents() {
            true => size_of::<Document<'_>>(),
            false => 0,
        };
        size_of::<Self>()
            .checked_add(slots)?
            .checked_add(size_of::<Pool>())?
            .checked_add(CMD_MAX)?
            .checked_add(scanner)?
            .checked_add(document)?
            // The next analysis in the block begins behind this one, and must be aligned.
            .checked_next_multiple_of(align_of::<Slot<'_>>())
    }

    /// None where `block` has less than [`Self::len`] bytes.
    pub(in crate::nginx) fn new(
        names: &'static Names,
        parts: &Parts,
        r: Request,
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
        let cmd = block.take_one()?;
        let lender = &*block.take_one()?.write(Pool::new(r, cmd));
        let room = match plan {
            Plan::Scan(MediaType::Form) => Some(Room::Form(block.take_one()?)),
            Plan::Scan(MediaType::Json) => Some(Room::Json(block.take_one()?, lender)),
            Plan::Scan(MediaType::Multipart) => {
                let place = block.take_one()?;
                let bytes = block.take_bytes(Multipart::scratch_len(head.content_type))?;
                Some(Room::Multipart(place, Scratch { bytes, lender }))
            }
            Plan::Scan(MediaType::Other) | Plan::Ignore => None,
        };
        for slot in &mut *slots {
            slot.write(Slot::lent());
        }
        // SAFETY: each slot has been written.
        let slots = unsafe { slice::from_raw_parts_mut(slots.as_mut_ptr().cast(), count) };
        let mut fields = Fields::new(names, slots).lent_by(lender);
        if names.has_documents() {
            fields = fields.with_documents(block.take_one()?.write(Document::new(lender)));
        }
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

    /// Whether a scanner waits for the body.
    pub(in crate::nginx) fn wants_body(&self) -> bool {
        self.body.is_some()
    }

    /// Whether no later byte of the body can change cmd.
    pub(in crate::nginx) fn is_decided(&self) -> bool {
        let body = self.body.as_ref();
        body.is_none_or(|body| body.is_decided(&self.fields))
    }

    /// Recognises bytes that need not be fed, while the scanner is within an unwanted file.
    pub(in crate::nginx) fn skim(&self) -> Option<Skim> {
        self.body.as_ref().filter(|_| !self.busy)?.skim()
    }

    /// Gives the next bytes of the body to the scanner.
    #[inline]
    pub(in crate::nginx) fn feed(&mut self, chunk: &[u8]) {
        if let Some(body) = self.body.as_mut().filter(|_| !self.busy) {
            self.busy = true;
            guard::probe(chunk, b"panic-in-scanner");
            body.feed(chunk, &mut self.fields);
            self.busy = false;
        }
    }

    /// What Frappe will do with the request. The scanner has had the whole body, or, if `early`, its
    /// first bytes. None after a panic.
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
