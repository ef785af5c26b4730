//! What the configuration says of figures.

use core::cell::{Cell, RefCell};
use core::fmt;
use std::path::Path;

use nginx_sys::{ESRCH, kill, ngx_cycle_t, ngx_http_complex_value_t};

use crate::figures::pace::Settings;
use crate::figures::{Host, Worker, Zone};
use crate::nginx::ffi::directive::Place;

/// `frappe_status_zone` and `frappe_status`
#[derive(Debug, Default)]
pub(in crate::nginx) struct Figures {
    /// each in the configuration's pool, since nginx points to it
    pub(in crate::nginx) zones: Vec<&'static StatusZone>,
    pub(in crate::nginx) pages: Vec<Page>,
    /// `frappe_pace`, in every place where it stands
    pub(in crate::nginx) judges: Vec<Judge>,
}

/// `frappe_pace`
#[derive(Debug)]
pub(in crate::nginx) struct Judge {
    /// the zone's name
    pub(in crate::nginx) name: &'static [u8],
    pub(in crate::nginx) settings: Settings,
    /// where it stands
    pub(in crate::nginx) place: Place,
    /// the number of the zone, once all are known
    pub(in crate::nginx) zone: Option<usize>,
}

/// The same, once all is known.
#[derive(Clone, Copy, Debug)]
pub(in crate::nginx) struct Judging<'c> {
    pub(in crate::nginx) zone: &'c StatusZone,
    pub(in crate::nginx) settings: Settings,
}

impl Figures {
    /// What a location's `frappe_pace` says, by the number that the directive has given it.
    pub(in crate::nginx) fn judge(&self, number: usize) -> Option<Judging<'_>> {
        let judge = self.judges.get(number)?;
        let zone = self.zones.get(judge.zone?)?;
        Some(Judging {
            zone,
            settings: judge.settings,
        })
    }

    /// The first `frappe_pace` of a zone is what its page tells the pace by.
    pub(in crate::nginx) fn settings_of(&self, zone: &StatusZone) -> Option<Settings> {
        let judge = self.judges.iter().find(|judge| {
            let found = judge.zone.and_then(|number| self.zones.get(number));
            found.is_some_and(|found| core::ptr::eq(*found, zone))
        });
        judge.map(|judge| judge.settings)
    }

    /// The zone of a location that shows figures, by the number that the directive has given it.
    pub(in crate::nginx) fn zone_of_page(&self, page: usize) -> Option<&StatusZone> {
        self.zones.get(self.pages.get(page)?.zone?).copied()
    }
}

/// A location that shows figures.
#[derive(Debug)]
pub(in crate::nginx) struct Page {
    /// what `frappe_status` says
    pub(in crate::nginx) name: Option<&'static [u8]>,
    /// where
    pub(in crate::nginx) place: Place,
    /// the number of the zone, once all are known
    pub(in crate::nginx) zone: Option<usize>,
}

/// What names the row of a request.
#[derive(Debug)]
pub(in crate::nginx) enum Key {
    /// a variable alone, by nginx's index
    Variable(usize),
    /// in a pool that lives as long as the configuration
    Complex(*mut ngx_http_complex_value_t),
}

/// `frappe_status_zone`
#[derive(Debug)]
pub(in crate::nginx) struct StatusZone {
    pub(in crate::nginx) name: &'static str,
    /// where it is declared
    pub(in crate::nginx) place: Place,
    pub(in crate::nginx) key: Key,
    pub(in crate::nginx) state: Option<State>,
    /// another size that the zone of this name had before
    pub(in crate::nginx) old_size: Option<usize>,
    /// whose configuration this is
    pub(in crate::nginx) cycle: *mut ngx_cycle_t,
    /// set before the first request
    pub(in crate::nginx) view: Cell<Option<Zone<'static>>>,
    /// the numbers of groups by the addresses of nginx's structures, in this process
    pub(in crate::nginx) groups: RefCell<Vec<(usize, u32)>>,
}

/// `state=`
#[derive(Debug)]
pub(in crate::nginx) struct State {
    pub(in crate::nginx) path: &'static Path,
    /// where it is written before it is renamed
    pub(in crate::nginx) beside: &'static Path,
    /// the last attempt to write it has failed, which was logged
    pub(in crate::nginx) has_failed: Cell<bool>,
}

impl StatusZone {
    /// Its figures; None where nginx has not mapped it.
    pub(in crate::nginx) fn view(&self) -> Option<Zone<'static>> {
        self.view.get()
    }
}

/// The names of zones, for a reader.
pub(in crate::nginx) struct Names<'z>(pub(in crate::nginx) &'z [&'static StatusZone]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, zone) in self.0.iter().enumerate() {
            let between = if number == 0 { "" } else { ", " };
            write!(f, "{between}{}", zone.name)?;
        }
        Ok(())
    }
}

/// Other processes.
pub(in crate::nginx) struct Processes;

/// Those of this machine.
pub(in crate::nginx) static PROCESSES: Processes = Processes;

impl Host for Processes {
    fn is_alive(&self, pid: u32) -> bool {
        // SAFETY: no signal is sent.
        let rc = pid.try_into().map(|pid| unsafe { kill(pid, 0) });
        // A process of another user is one that is alive.
        rc.is_ok_and(|rc| {
            rc == 0 || std::io::Error::last_os_error().raw_os_error() != Some(ESRCH as i32)
        })
    }
}

/// Who we are, in a process that serves.
struct Us(Cell<Option<Worker>>);

// SAFETY: set when the process begins, read by its callbacks: nginx runs both in the process's only
// thread.
unsafe impl Sync for Us {}

static US: Us = Us(Cell::new(None));

/// This process, where it counts.
pub(in crate::nginx) fn worker() -> Option<Worker> {
    US.0.get()
}

/// It does, from now on.
pub(in crate::nginx) fn set_worker(worker: Option<Worker>) {
    US.0.set(worker);
}
