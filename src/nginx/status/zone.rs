//! A zone of the configuration: its shared memory, and the state file that it is loaded from.

use core::cell::{Cell, RefCell};
use core::ffi::c_void;
use core::fmt;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nginx_sys::{
    NGX_ERROR, NGX_LOG_EMERG, NGX_LOG_NOTICE, NGX_LOG_WARN, NGX_OK, ngx_conf_full_name, ngx_conf_t,
    ngx_cycle_t, ngx_int_t, ngx_log_t, ngx_pid, ngx_process_slot, ngx_shared_memory_add,
    ngx_shm_zone_t, ngx_str_t,
};

use super::save;
use crate::figures::{Worker, Zone};
use crate::nginx::ffi::answer::text;
use crate::nginx::ffi::directive::{Directive, Told, copy, word};
use crate::nginx::ffi::memory::{keep, slice_of, str_bytes};
use crate::nginx::ffi::{log, shim, zone};
use crate::nginx::request::zones::{Figures, Key, PROCESSES, State, StatusZone, set_worker};

/// Its address is the tag by which nginx tells our zones from those of other modules.
static TAG: u8 = 0;

/// Makes this process count requests.
pub(super) fn begin(figures: &Figures) {
    // SAFETY: nginx has set both for this process.
    let (slot, pid) = unsafe { (ngx_process_slot, ngx_pid) };
    let (Ok(slot), Ok(pid)) = (usize::try_from(slot), u32::try_from(pid)) else {
        return;
    };
    for zone in figures.zones.iter().filter_map(|zone| zone.view()) {
        set_worker(Worker::start(&zone, slot, pid));
    }
}

impl StatusZone {
    /// Adds a zone to nginx, which maps its memory once it has read the configuration. The result lies in
    /// the configuration's pool.
    pub(super) fn add_to_nginx(
        directive: Directive,
        name: &'static str,
        key: Key,
        state: Option<State>,
        size: usize,
    ) -> Result<&'static Self, Told> {
        let (cf, mut text) = (directive.conf(), text(name));
        // SAFETY: `cf` is what nginx called the directive's handler with; null results are checked. nginx
        // only reads the name.
        unsafe {
            let ours = Self {
                name,
                place: directive.place(),
                key,
                state,
                old_size: old_size(cf, name).filter(|old| *old != size),
                cycle: (*cf).cycle,
                view: Cell::new(None),
                groups: RefCell::default(),
            };
            let ours: &Self = keep((*cf).pool, ours).ok_or_else(|| directive.no_memory())?;
            let Some(zone) = ngx_shared_memory_add(cf, &raw mut text, size, tag()).as_mut() else {
                return Err(directive.refuse(format_args!("zone \"{name}\" cannot be added")));
            };
            zone.init = Some(init);
            zone.data = core::ptr::from_ref(ours).cast_mut().cast();
            Ok(ours)
        }
    }

    /// Checks the directory of the state file, and makes the figures, or finds them again after a reload.
    ///
    /// # Safety
    ///
    /// `zone` is what nginx called the init handler with.
    #[inline(never)]
    unsafe fn init(&self, zone: *mut ngx_shm_zone_t) -> Result<(), Told> {
        // SAFETY: promised by the caller.
        let (target, found) = unsafe { ((*zone).shm.log, zone::zone_memory(zone)) };
        let name = self.name;
        let refuse = |message: fmt::Arguments<'_>| {
            log::error_at(target, message, self.place);
            Told
        };
        if let Some(state) = &self.state {
            // SAFETY: the cycle that nginx is starting, whose configuration it has read.
            let user = unsafe { User::of_workers(self.cycle) };
            state.check(&user, &refuse)?;
        }
        let Some((memory, is_new)) = found else {
            return Err(refuse(format_args!("zone \"{name}\" is too small")));
        };
        if !is_new {
            let view = Zone::attach(memory.longs, memory.words, &PROCESSES);
            self.view.set(view);
            return match view {
                Some(_) => Ok(()),
                None => Err(refuse(format_args!("zone \"{name}\" holds something else"))),
            };
        }
        if let Some(old) = self.old_size {
            let message = format_args!(
                "zone \"{name}\" had {}k before and is new now: its figures start anew",
                old / 1024
            );
            log::line(target, NGX_LOG_NOTICE, message);
        }
        let random = random().map_err(|error| {
            log::failure(target, NGX_LOG_EMERG, "/dev/urandom", &error);
            Told
        })?;
        let created = Zone::create(
            memory.longs,
            memory.words,
            &PROCESSES,
            random,
            super::count::now(),
        );
        let zone = created.ok_or_else(|| refuse(format_args!("zone \"{name}\" cannot be made")))?;
        self.view.set(Some(zone));
        if let Some(state) = &self.state {
            state.load(&zone, target);
        }
        Ok(())
    }
}

unsafe extern "C" fn init(zone: *mut ngx_shm_zone_t, _old: *mut c_void) -> ngx_int_t {
    // SAFETY: as nginx calls it, with what `add_to_nginx` has set.
    unsafe {
        match (*zone)
            .data
            .cast::<StatusZone>()
            .as_ref()
            .map(|ours| ours.init(zone))
        {
            Some(Ok(())) => NGX_OK as ngx_int_t,
            Some(Err(Told)) | None => NGX_ERROR as ngx_int_t,
        }
    }
}

/// Two random numbers that a client cannot guess.
fn random() -> io::Result<[u64; 2]> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let (low, high) = bytes.split_at(8);
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    };
    Ok([number(low), number(high)])
}

fn tag() -> *mut c_void {
    (&raw const TAG).cast_mut().cast()
}

/// The size that our zone of this name has in the configuration before this one. None where there is no
/// such zone.
///
/// # Safety
///
/// `cf` is what nginx called a directive's handler with.
unsafe fn old_size(cf: *mut ngx_conf_t, name: &str) -> Option<usize> {
    // SAFETY: promised by the caller; the old cycle is valid, and its list of zones empty or valid.
    unsafe {
        let mut part = Some(&(*(*(*cf).cycle).old_cycle).shared_memory.part);
        while let Some(current) = part {
            let zones = current.elts.cast::<ngx_shm_zone_t>();
            let zones = slice_of(zones, current.nelts);
            let same = zones
                .iter()
                .find(|zone| zone.tag == tag() && str_bytes(&zone.shm.name) == name.as_bytes());
            if let Some(zone) = same {
                return Some(zone.shm.size);
            }
            part = current.next.as_ref();
        }
    }
    None
}

impl State {
    pub(super) fn new(directive: Directive, path: &[u8]) -> Result<Self, Told> {
        let cf = directive.conf();
        let no_memory = || directive.no_memory();
        // SAFETY: `cf` is what nginx called the directive's handler with. nginx makes the path absolute
        // in its pool; both paths live as long as the configuration.
        unsafe {
            let mut name = copy((*cf).pool, &[path]).ok_or_else(no_memory)?;
            if ngx_conf_full_name((*cf).cycle, &raw mut name, 0) != NGX_OK as ngx_int_t {
                return Err(no_memory());
            }
            let beside = copy((*cf).pool, &[str_bytes(&name), b".tmp"]).ok_or_else(no_memory)?;
            let path = |text: &ngx_str_t| Path::new(OsStr::from_bytes(word(text)));
            Ok(Self {
                path: path(&name),
                beside: path(&beside),
                has_failed: Cell::new(false),
            })
        }
    }

    /// Refuses a state file that the workers could not write.
    #[inline(never)]
    fn check(&self, user: &User, refuse: &dyn Fn(fmt::Arguments<'_>) -> Told) -> Result<(), Told> {
        let path = self.path.display();
        let id = user.id;
        let parent = self.path.parent().unwrap_or(Path::new("/"));
        let directory = parent.display();
        let Ok(found) = parent.metadata() else {
            return Err(refuse(format_args!(
                "\"state={path}\": there is no directory \"{directory}\", which \
                 \"install -d -o {id} {directory}\" makes"
            )));
        };
        if !found.is_dir() || self.path.is_dir() {
            return Err(refuse(format_args!(
                "\"state={path}\" must be a file in a directory"
            )));
        }
        // Whether the user may make files there: the kernel looks at the bits of the owner, or else of
        // the group, or else of others.
        let bits = match () {
            () if id == 0 => return Ok(()),
            () if found.uid() == id => found.mode() >> 6,
            () if user.groups().contains(&found.gid()) => found.mode() >> 3,
            () => found.mode(),
        };
        if bits & 0o3 != 0o3 {
            return Err(refuse(format_args!(
                "\"state={path}\": the workers' user (uid {id}) may not make files in \
                 \"{directory}\", but in one that \"install -d -o {id} {directory}/frappe\" makes"
            )));
        }
        Ok(())
    }

    #[inline(never)]
    fn load(&self, zone: &Zone<'_>, target: *mut ngx_log_t) {
        let path = self.path.display();
        let mut file = Vec::new();
        let read = save::open_plain(OpenOptions::new().read(true), self.path)
            .and_then(|mut found| found.read_to_end(&mut file));
        match read {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => {
                let message = format_args!("state \"{path}\" is not used");
                return log::failure(target, NGX_LOG_WARN, message, &error);
            }
        }
        // No worker counts in this zone yet. The worker of slot 0 will take over from this process.
        // SAFETY: nginx's own variable, which it has set at its start.
        let pid = u32::try_from(unsafe { ngx_pid }).unwrap_or(1);
        let loaded = Worker::start(zone, 0, pid).map(|worker| zone.load(worker, &file));
        match loaded {
            Some(Ok(calls)) => {
                let message = format_args!("state \"{path}\": figures of {calls} calls");
                log::line(target, NGX_LOG_NOTICE, message);
            }
            Some(Err(reason)) => {
                let message = format_args!("state \"{path}\" is not used: {}", reason.as_str());
                log::line(target, NGX_LOG_WARN, message);
            }
            None => {}
        }
    }
}

/// The most groups of a user that are looked at.
const GROUPS: usize = 64;

/// The user that the workers run as, and the user's groups.
struct User {
    id: u32,
    groups: [u32; GROUPS],
    count: usize,
}

impl User {
    /// # Safety
    ///
    /// `cycle` is valid, and its configuration has been read.
    unsafe fn of_workers(cycle: *mut ngx_cycle_t) -> Self {
        // SAFETY: promised by the caller; a name is null or ends with a byte 0, and getgrouplist writes no
        // more groups than `count` says there is room for.
        unsafe {
            if nginx_sys::geteuid() != 0 {
                return Self {
                    id: nginx_sys::geteuid(),
                    groups: [nginx_sys::getegid(); GROUPS],
                    count: 1,
                };
            }
            let core = &*shim::ngx_http_frappe_core_conf(cycle);
            let mut groups = [core.group; GROUPS];
            let mut count = GROUPS as i32;
            let known = !core.username.is_null()
                && nginx_sys::getgrouplist(
                    core.username,
                    core.group,
                    groups.as_mut_ptr(),
                    &raw mut count,
                ) >= 0;
            let count = if known {
                usize::try_from(count).unwrap_or(1)
            } else {
                1
            };
            Self {
                id: core.user,
                groups,
                count,
            }
        }
    }

    fn groups(&self) -> &[u32] {
        self.groups.get(..self.count).unwrap_or_default()
    }
}
