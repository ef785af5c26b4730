//! A body that somebody else has read before us: `client_body_early_read`, another module.

use nginx_sys::{ngx_file_t, ngx_http_request_body_t, ngx_read_file};

use super::ctx::Ctx;
use super::raw;

/// Bytes of a temporary file that are read at once.
const BLOCK: usize = 16 * 1024;

/// Feeds the whole body. False where it is not whole, or cannot be read.
pub(super) fn feed(body: &ngx_http_request_body_t, ctx: &mut Ctx) -> bool {
    if body.rest != 0 {
        return false;
    }
    // SAFETY: the chain of a body that has been read is valid and stays as it is.
    for buf in unsafe { raw::bufs(body.bufs) } {
        let memory = raw::buf_memory(buf);
        if !memory.is_empty() {
            ctx.feed(memory);
        } else if raw::buf_in_file(buf) && !feed_file(buf.file, buf.file_pos, buf.file_last, ctx) {
            return false;
        }
    }
    true
}

fn feed_file(file: *mut ngx_file_t, mut at: i64, end: i64, ctx: &mut Ctx) -> bool {
    let mut block = [0; BLOCK];
    while at < end {
        let left = usize::try_from(end.saturating_sub(at)).unwrap_or(BLOCK);
        // SAFETY: the file of a buffer is open as long as the body; `block` has BLOCK bytes.
        let read = unsafe { ngx_read_file(file, block.as_mut_ptr(), left.min(BLOCK), at) };
        let Some(bytes) = usize::try_from(read)
            .ok()
            .filter(|len| *len > 0)
            .and_then(|len| block.get(..len))
        else {
            return false;
        };
        ctx.feed(bytes);
        at = at.saturating_add(read as i64);
    }
    true
}
