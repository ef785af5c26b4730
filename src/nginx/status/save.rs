//! Writes the state files. Once a minute one of the workers writes a zone's file, in pieces; the master
//! writes all files when it ends.
//!
//! A file is written under another name and then renamed, so the file of a state is always complete.
//! There is no fsync: a machine that loses its power loses a minute of figures.

use core::cell::RefCell;
use core::mem::MaybeUninit;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nginx_sys::{
    EPERM, NGX_LOG_ERR, O_NOFOLLOW, O_NONBLOCK, ngx_add_timer, ngx_connection_t, ngx_cycle,
    ngx_cycle_t, ngx_event_t, ngx_exiting, ngx_log_t, ngx_terminate,
};

use crate::figures::{Saver, Worker};
use crate::nginx::ffi::guard::guarded;
use crate::nginx::ffi::{log, shim};
use crate::nginx::request::zones::{Figures, StatusZone, worker};

/// Milliseconds after which a worker looks again whether a state is due.
const LOOK: usize = 5000;
/// Milliseconds from one piece of a file to the next.
const NEXT: usize = 2;
/// Rows in a piece.
const ROWS: u32 = 64;

/// The state that is being written, if there is one. With a tag of its own, by `repr`, idle is all zeros, which
/// take no room in the file of the module.
#[repr(u8)]
#[expect(clippy::large_enum_variant, reason = "there is one")]
enum Writer {
    Idle,
    Writes(Saving),
}

struct Saving {
    /// the number of its zone
    zone: usize,
    saver: Saver,
    file: File,
    piece: Vec<u8>,
}

/// This process's timer, and what it writes.
struct Timer {
    event: RefCell<MaybeUninit<ngx_event_t>>,
    /// nginx's debug log reads the connection of each event
    connection: RefCell<MaybeUninit<ngx_connection_t>>,
    writer: RefCell<Writer>,
}

// SAFETY: only callbacks use it, and nginx runs those in the process's only thread.
unsafe impl Sync for Timer {}

static TIMER: Timer = Timer {
    event: RefCell::new(MaybeUninit::zeroed()),
    connection: RefCell::new(MaybeUninit::zeroed()),
    writer: RefCell::new(Writer::Idle),
};

/// Starts the timer that writes the states in this worker.
///
/// # Safety
///
/// `cycle` is what nginx called the init handler of the process with.
pub(super) unsafe fn begin(figures: &Figures, cycle: *mut ngx_cycle_t) {
    if figures.zones.iter().all(|zone| zone.state.is_none()) {
        return;
    }
    let event = TIMER.event.as_ptr().cast::<ngx_event_t>();
    let connection = TIMER.connection.as_ptr().cast::<ngx_connection_t>();
    // SAFETY: both are static, and zero is a value of each. With `master_process off` a reload calls
    // this again; the timer may run already, and then goes on.
    unsafe {
        (*connection).fd = -1;
        (*event).data = connection.cast();
        (*event).handler = Some(on_timer);
        (*event).log = (*cycle).log;
        shim::ngx_http_frappe_set_cancelable(event);
        ngx_add_timer(event, LOOK);
    }
}

/// Writes all states at once.
pub(super) fn all(figures: &Figures, target: *mut ngx_log_t) {
    guarded(target, (), || {
        for (number, zone) in figures.zones.iter().enumerate() {
            if zone.state.is_some() {
                let done = Saving::begin(number, zone).and_then(|mut saving| {
                    while saving.go_on(zone, None)? {}
                    saving.end(zone)
                });
                tell(zone, done, target);
            }
        }
    });
}

/// Opens a file in the directory of a state. The workers' user can put anything there, and the master
/// opens the file as root. So this follows no symbolic link, does not wait for a pipe, and refuses a
/// file with a second hard link.
pub(super) fn open_plain(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    const FLAGS: i32 = (O_NOFOLLOW | O_NONBLOCK) as i32;
    let file = options.custom_flags(FLAGS).open(path)?;
    let found = file.metadata()?;
    if found.is_file() && found.nlink() == 1 {
        Ok(file)
    } else {
        Err(io::Error::from_raw_os_error(EPERM as i32))
    }
}

unsafe extern "C" fn on_timer(event: *mut ngx_event_t) {
    // SAFETY: nginx calls it with our event, whose log is valid; the cycle is that of the process.
    let (target, figures) = unsafe { ((*event).log, super::figures_of(ngx_cycle)) };
    let next = guarded(target, LOOK, || {
        figures.map_or(LOOK, |figures| step(figures, target))
    });
    // SAFETY: as above. A worker that shuts down starts the timer no more.
    unsafe {
        if ngx_exiting == 0 && ngx_terminate == 0 {
            ngx_add_timer(event, next);
        }
    }
}

/// Writes the next piece, or looks whether a state is due. Returns after how many milliseconds to call
/// it again.
fn step(figures: &Figures, target: *mut ngx_log_t) -> usize {
    let mut place = TIMER.writer.borrow_mut();
    let Writer::Writes(saving) = &mut *place else {
        let due = figures.zones.iter().enumerate().find(|(_, zone)| {
            let view = zone.view().filter(|_| zone.state.is_some());
            view.is_some_and(|view| view.claim_save(super::count::now()))
        });
        let Some((number, zone)) = due else {
            return LOOK;
        };
        match Saving::begin(number, zone) {
            Ok(saving) => *place = Writer::Writes(saving),
            Err(error) => tell(zone, Err(error), target),
        }
        return NEXT;
    };
    let Some(zone) = figures.zones.get(saving.zone) else {
        *place = Writer::Idle;
        return LOOK;
    };
    match saving.go_on(zone, worker()) {
        Ok(true) => return NEXT,
        Ok(false) => {
            let done = saving.end(zone);
            tell(zone, done, target);
        }
        Err(error) => tell(zone, Err(error), target),
    }
    *place = Writer::Idle;
    NEXT
}

impl Saving {
    fn begin(number: usize, zone: &StatusZone) -> io::Result<Self> {
        let state = zone.state.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let file = open_plain(&mut options, state.beside)?;
        // Another nginx may be writing the same file, as during an upgrade of the binary.
        file.try_lock()?;
        file.set_len(0)?;
        Ok(Self {
            zone: number,
            saver: Saver::new(),
            file,
            piece: Vec::new(),
        })
    }

    /// Writes the next piece. False after the last one.
    fn go_on(&mut self, zone: &StatusZone, worker: Option<Worker>) -> io::Result<bool> {
        let more = self.write(zone, worker);
        if let (Err(_), Some(state)) = (&more, &zone.state) {
            // If the disk is full, other programs need the room.
            let _ = fs::remove_file(state.beside);
        }
        more
    }

    fn write(&mut self, zone: &StatusZone, worker: Option<Worker>) -> io::Result<bool> {
        let view = zone.view().ok_or(io::ErrorKind::NotFound)?;
        let piece = &mut self.piece;
        piece.clear();
        let mut fits = true;
        let more = self.saver.go_on(&view, worker, ROWS, &mut |bytes| {
            fits &= piece.try_reserve(bytes.len()).is_ok();
            if fits {
                piece.extend_from_slice(bytes);
            }
        });
        if !fits {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.file.write_all(piece)?;
        Ok(more)
    }

    fn end(&self, zone: &StatusZone) -> io::Result<()> {
        let state = zone.state.as_ref().ok_or(io::ErrorKind::NotFound)?;
        fs::rename(state.beside, state.path)
    }
}

/// Logs a failure, unless the attempt before it has failed, too.
fn tell(zone: &StatusZone, done: io::Result<()>, target: *mut ngx_log_t) {
    let Some(state) = &zone.state else {
        return;
    };
    if let Err(error) = &done
        && !state.has_failed.get()
    {
        let path = state.path.display();
        let message = format_args!("state \"{path}\" cannot be written");
        log::failure(target, NGX_LOG_ERR, message, error);
    }
    state.has_failed.set(done.is_err());
}
