//! One reading of a request: its values, and the scanner of its body.

use core::ptr;
use core::slice;

use super::guard;
use super::raw::Request;
use crate::body::{Body, End, Fields, LineRoom, MediaType, Names, Scratch, Slot};
use crate::frappe::{self, Dialect, Head, Outcome, Plan};

/// What is read of a request, in memory of its pool.
pub(super) struct Analysis {
    fields: Fields<'static>,
    body: Option<Body<'static>>,
    /// how a body ended that needs no scanner
    end: Option<End>,
    /// a scanner is running; still set afterwards if it panicked
    busy: bool,
}

impl Analysis {
    /// The bytes that [`Self::new`] needs: slots, then values, then the scanner's scratch, a line last.
    pub(super) fn len(names: &Names, plan: Plan, head: &Head<'_>) -> Option<usize> {
        let slots = names.slots().checked_mul(size_of::<Slot<'_>>())?;
        slots
            .checked_add(values_len(names)?)?
            .checked_add(scratch_len(plan, head))?
            .checked_add(line_len(plan))?
            .checked_next_multiple_of(align_of::<Slot<'_>>())
    }

    /// # Safety
    ///
    /// `block` is [`Self::len`] bytes, aligned for a slot, to which nothing else points for as
    /// long as the request.
    pub(super) unsafe fn new(
        names: &'static Names,
        plan: Plan,
        head: &Head<'_>,
        dialect: &Dialect,
        block: *mut u8,
    ) -> Option<Self> {
        let count = names.slots();
        let values_len = values_len(names)?;
        let bytes_len = values_len.checked_add(scratch_len(plan, head))?;
        let slots = block.cast::<Slot<'static>>();
        // SAFETY: promised by the caller: behind `count` slots there are `bytes_len` bytes. They
        // are made zero before a slice is made of them. Behind them there is room for a line
        // where it has a length; what is in there no `LineRoom` promises.
        let (bytes, line) = unsafe {
            let bytes = slots.add(count).cast::<u8>();
            ptr::write_bytes(bytes, 0, bytes_len);
            let line = bytes.add(bytes_len).cast::<LineRoom>();
            let line = (line_len(plan) > 0).then(|| &mut *line);
            (slice::from_raw_parts_mut(bytes, bytes_len), line)
        };
        let (mut values, bytes) = bytes.split_at_mut_checked(values_len)?;
        for index in 0..count {
            let (value, rest) = values.split_at_mut_checked(names.value_max(index))?;
            values = rest;
            // SAFETY: there is room for `count` slots.
            unsafe { slots.add(index).write(Slot::new(value)) };
        }
        // SAFETY: all `count` slots have been written.
        let mut fields = Fields::new(names, unsafe { slice::from_raw_parts_mut(slots, count) });
        let (body, end) = match plan {
            Plan::Scan(media_type) => {
                let scratch = Scratch { bytes, line };
                match frappe::scanner(media_type, head, dialect, &mut fields, scratch) {
                    Ok(body) => (Some(body), None),
                    Err(end) => (None, Some(end)),
                }
            }
            Plan::Ignore | Plan::Encoded(_) => (None, None),
        };
        Some(Self {
            fields,
            body,
            end,
            busy: false,
        })
    }

    pub(super) fn fields(&self) -> &Fields<'static> {
        &self.fields
    }

    /// There is a body to be fed.
    pub(super) fn wants_body(&self) -> bool {
        self.body.is_some()
    }

    /// Nothing that follows gives another cmd.
    pub(super) fn is_decided(&self) -> bool {
        let body = self.body.as_ref();
        body.is_none_or(|body| body.is_decided(&self.fields))
    }

    /// The next bytes of the body.
    pub(super) fn feed(&mut self, chunk: &[u8]) {
        if let Some(body) = self.body.as_mut().filter(|_| !self.busy) {
            self.busy = true;
            guard::probe(chunk, b"panic-in-scanner");
            body.feed(chunk, &mut self.fields);
            self.busy = false;
        }
    }

    /// The body has been fed, as a whole or `early` only its first bytes: what will Frappe do?
    /// None after a panic.
    pub(super) fn resolve(
        &mut self,
        r: Request,
        plan: Plan,
        dialect: &Dialect,
        early: bool,
    ) -> Option<Outcome> {
        if self.busy {
            return None;
        }
        guard::probe(r.target(), b"panic-in-resolver");
        let end = match &mut self.body {
            Some(body) if early => Some(body.finish_early(&mut self.fields)),
            Some(body) => Some(body.finish(&mut self.fields)),
            None => self.end,
        };
        let head = super::ctx::head(&r, dialect);
        Some(frappe::resolve(&head, plan, end, dialect, &mut self.fields))
    }
}

fn values_len(names: &Names) -> Option<usize> {
    (0..names.slots()).try_fold(0_usize, |sum, index| {
        sum.checked_add(names.value_max(index))
    })
}

fn line_len(plan: Plan) -> usize {
    match plan {
        Plan::Scan(MediaType::Multipart) => size_of::<LineRoom>(),
        _ => 0,
    }
}

fn scratch_len(plan: Plan, head: &Head<'_>) -> usize {
    match plan {
        Plan::Scan(media_type) => frappe::scratch_len(media_type, head.content_type),
        Plan::Ignore | Plan::Encoded(_) => 0,
    }
}
