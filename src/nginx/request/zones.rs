//! What the configuration says of figures and pace.

use core::cell::{Cell, RefCell};
use core::fmt;
use std::path::Path;

use nginx_sys::{ESRCH, kill, ngx_cycle_t, ngx_http_complex_value_t};

use crate::figures::pace::Settings;
use crate::figures::{Host, Worker, Zone};
use crate::nginx::ffi::directive::Place;

/// `frappe_status_zone`, `frappe_status` and `frappe_pace`
#[derive(Debug, Default)]
pub(in crate::nginx) struct Figures {
    /// each lies in the configuration's pool, since nginx keeps a pointer to it
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
    /// where the directive stands
    pub(in crate::nginx) place: Place,
    /// the number of the zone, once nginx has read all of http{}
    pub(in crate::nginx) zone: Option<usize>,
}

/// A `frappe_pace` with its zone.
#[derive(Clone, Copy, Debug)]
pub(in crate::nginx) struct Judging<'c> {
    pub(in crate::nginx) zone: &'c StatusZone,
    pub(in crate::nginx) settings: Settings,
}

impl Figures {
    /// What a location's `frappe_pace` says, by the number that the location keeps of it.
    pub(in crate::nginx) fn judge(&self, number: usize) -> Option<Judging<'_>> {
        let judge = self.judges.get(number)?;
        let zone = self.zones.get(judge.zone?)?;
        Some(Judging {
            zone,
            settings: judge.settings,
        })
    }

    /// The settings by which the page of a zone shows the pace: those of the zone's first `frappe_pace`.
    pub(in crate::nginx) fn settings_of(&self, zone: &StatusZone) -> Option<Settings> {
        let judge = self.judges.iter().find(|judge| {
            let found = judge.zone.and_then(|number| self.zones.get(number));
            found.is_some_and(|found| core::ptr::eq(*found, zone))
        });
        judge.map(|judge| judge.settings)
    }

    /// The zone of a location that shows figures, by the number that the location keeps of its page.
    pub(in crate::nginx) fn zone_of_page(&self, page: usize) -> Option<&StatusZone> {
        self.zones.get(self.pages.get(page)?.zone?).copied()
    }
}

/// A location that shows figures.
#[derive(Debug)]
pub(in crate::nginx) struct Page {
    /// the zone's name, where `frappe_status` has one
    pub(in crate::nginx) name: Option<&'static [u8]>,
    /// where the directive stands
    pub(in crate::nginx) place: Place,
    /// the number of the zone, once nginx has read all of http{}
    pub(in crate::nginx) zone: Option<usize>,
}

/// `key=`: the text whose value names a request's row.
#[derive(Debug)]
pub(in crate::nginx) enum Key {
    /// one variable alone, by nginx's index
    Variable(usize),
    /// a text with variables, in the configuration's pool
    Complex(*mut ngx_http_complex_value_t),
}

/// `frappe_status_zone`
#[derive(Debug)]
pub(in crate::nginx) struct StatusZone {
    pub(in crate::nginx) name: &'static str,
    /// where the directive stands
    pub(in crate::nginx) place: Place,
    pub(in crate::nginx) key: Key,
    pub(in crate::nginx) state: Option<State>,
    /// the size of the zone of this name before a reload, if it was another
    pub(in crate::nginx) old_size: Option<usize>,
    /// the cycle that this configuration belongs to
    pub(in crate::nginx) cycle: *mut ngx_cycle_t,
    /// the zone's memory; nginx maps it before the first request
    pub(in crate::nginx) view: Cell<Option<Zone<'static>>>,
    /// the zone's numbers of server groups, by the address of nginx's structure in this process
    pub(in crate::nginx) groups: RefCell<Vec<(usize, u32)>>,
}

/// `state=`
#[derive(Debug)]
pub(in crate::nginx) struct State {
    pub(in crate::nginx) path: &'static Path,
    /// the temporary file, which is renamed to `path` once it is complete
    pub(in crate::nginx) beside: &'static Path,
    /// the last attempt to write the state has failed, and that was logged
    pub(in crate::nginx) has_failed: Cell<bool>,
}

impl StatusZone {
    /// The zone's figures; None where nginx has not mapped its memory.
    pub(in crate::nginx) fn view(&self) -> Option<Zone<'static>> {
        self.view.get()
    }
}

/// The names of zones, as a text for an error message.
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

/// Says which processes of this machine are alive.
pub(in crate::nginx) struct Processes;

/// The one value of it, for zones to point to.
pub(in crate::nginx) static PROCESSES: Processes = Processes;

impl Host for Processes {
    fn is_alive(&self, pid: u32) -> bool {
        // SAFETY: the signal 0 is not sent; the kernel only checks whether it could be.
        let rc = pid.try_into().map(|pid| unsafe { kill(pid, 0) });
        // An error other than ESRCH, such as EPERM, means that the process exists.
        rc.is_ok_and(|rc| {
            rc == 0 || std::io::Error::last_os_error().raw_os_error() != Some(ESRCH as i32)
        })
    }
}

/// This process as the zones know it, if it serves requests.
struct Us(Cell<Option<Worker>>);

// SAFETY: set when the process begins, read by its callbacks: nginx runs both in the process's only
// thread.
unsafe impl Sync for Us {}

static US: Us = Us(Cell::new(None));

/// This process as the zones know it. None where it does not count requests.
pub(in crate::nginx) fn worker() -> Option<Worker> {
    US.0.get()
}

/// Makes this process count from now on.
pub(in crate::nginx) fn set_worker(worker: Option<Worker>) {
    US.0.set(worker);
}
