//! A zone of the configuration: its memory, and its state's file.

use core::cell::Cell;
use core::ffi::c_void;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nginx_sys::{
    NGX_ERROR, NGX_LOG_NOTICE, NGX_LOG_WARN, NGX_OK, ngx_conf_full_name, ngx_conf_t, ngx_cycle_t,
    ngx_int_t, ngx_log_t, ngx_pid, ngx_process_slot, ngx_shared_memory_add, ngx_shm_zone_t,
    ngx_str_t,
};

use super::save;
use crate::figures::{Worker, Zone};
use crate::nginx::ffi::memory::{slice_of, str_bytes};
use crate::nginx::ffi::{log, shim, zone};
use crate::nginx::request::zones::{Figures, PROCESSES, State, StatusZone, set_worker};

/// Tells our zones from those of other modules, by its address.
static TAG: u8 = 0;

/// This process begins to count.
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
    /// Has nginx map it once the configuration is read.
    ///
    /// # Safety
    ///
    /// `cf` is what nginx called a directive's handler with. `self` stays where it is as long as the
    /// configuration.
    pub(super) unsafe fn add_to_nginx(
        &mut self,
        cf: *mut ngx_conf_t,
        name: &ngx_str_t,
        size: usize,
    ) -> Result<(), String> {
        let mut name = *name;
        // SAFETY: promised by the caller; a null result is checked.
        unsafe {
            self.cycle = (*cf).cycle;
            self.old_size = old_size(cf, &name).filter(|old| *old != size);
            let zone = ngx_shared_memory_add(cf, &raw mut name, size, tag());
            let Some(zone) = zone.as_mut() else {
                return Err(format!("zone \"{}\" cannot be added", self.name));
            };
            zone.init = Some(init);
            zone.data = core::ptr::from_mut(self).cast();
        }
        Ok(())
    }

    /// Checks where the state is to lie, and makes the figures or finds them again.
    ///
    /// # Safety
    ///
    /// `zone` is what nginx called the init handler with.
    #[inline(never)]
    unsafe fn init(&mut self, zone: *mut ngx_shm_zone_t) -> Result<(), String> {
        // SAFETY: promised by the caller.
        let (target, found) = unsafe { ((*zone).shm.log, zone::zone_memory(zone)) };
        if let Some(state) = &self.state {
            // SAFETY: the cycle that is being made, whose configuration has been read.
            let (user, groups) = unsafe { worker_user(self.cycle) };
            state.check(user, &groups)?;
        }
        let Some((memory, is_new)) = found else {
            return Err(format!("zone \"{}\" is too small", self.name));
        };
        if !is_new {
            self.view = Zone::attach(memory.longs, memory.words, &PROCESSES);
            return match self.view {
                Some(_) => Ok(()),
                None => Err(format!("zone \"{}\" holds something else", self.name)),
            };
        }
        if let Some(old) = self.old_size {
            let message = format!(
                "zone \"{}\" had {}k before and is new now: its figures start anew",
                self.name,
                old / 1024
            );
            log::line(target, NGX_LOG_NOTICE, &message);
        }
        let random = random().map_err(|error| format!("/dev/urandom: {error}"))?;
        let created = Zone::create(
            memory.longs,
            memory.words,
            &PROCESSES,
            random,
            super::count::now(),
        );
        let zone = created.ok_or("a zone cannot be made")?;
        self.view = Some(zone);
        if let Some(state) = &self.state {
            state.load(&zone, target);
        }
        Ok(())
    }
}

unsafe extern "C" fn init(zone: *mut ngx_shm_zone_t, _old: *mut c_void) -> ngx_int_t {
    // SAFETY: as nginx calls it, with what `add_to_nginx` has set; nothing else uses the
    // configuration meanwhile.
    unsafe {
        let Some(ours) = (*zone).data.cast::<StatusZone>().as_mut() else {
            return NGX_ERROR as ngx_int_t;
        };
        match ours.init(zone) {
            Ok(()) => NGX_OK as ngx_int_t,
            Err(message) => {
                log::error_at((*zone).shm.log, &message, &ours.place);
                NGX_ERROR as ngx_int_t
            }
        }
    }
}

/// What nobody can guess.
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

/// The size of our zone of this name in the configuration that runs.
///
/// # Safety
///
/// `cf` is what nginx called a directive's handler with.
unsafe fn old_size(cf: *mut ngx_conf_t, name: &ngx_str_t) -> Option<usize> {
    // SAFETY: promised by the caller; the old cycle is valid, and its list of zones empty or valid.
    unsafe {
        let mut part = Some(&(*(*(*cf).cycle).old_cycle).shared_memory.part);
        while let Some(current) = part {
            let zones = current.elts.cast::<ngx_shm_zone_t>();
            let zones = slice_of(zones, current.nelts);
            let same = zones
                .iter()
                .find(|zone| zone.tag == tag() && str_bytes(&zone.shm.name) == str_bytes(name));
            if let Some(zone) = same {
                return Some(zone.shm.size);
            }
            part = current.next.as_ref();
        }
    }
    None
}

impl State {
    /// # Safety
    ///
    /// `cf` is what nginx called a directive's handler with.
    pub(super) unsafe fn new(cf: *mut ngx_conf_t, path: &[u8]) -> Result<Self, String> {
        // SAFETY: promised by the caller; nginx makes the path a full one, in its pool.
        let path = unsafe {
            let mut name = zone::copy((*cf).pool, path);
            if ngx_conf_full_name((*cf).cycle, &raw mut name, 0) != NGX_OK as ngx_int_t {
                return Err("no memory".to_owned());
            }
            str_bytes(&name).to_vec()
        };
        Ok(Self {
            path: PathBuf::from(OsString::from_vec(path)),
            has_failed: Cell::new(false),
        })
    }

    /// A worker can write it.
    #[inline(never)]
    fn check(&self, user: u32, groups: &[u32]) -> Result<(), String> {
        let path = self.path.display();
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        let Ok(found) = directory.metadata() else {
            let directory = directory.display();
            return Err(format!(
                "\"state={path}\": there is no directory \"{directory}\", which \
                 \"install -d -o {user} {directory}\" makes"
            ));
        };
        if !found.is_dir() || self.path.is_dir() {
            return Err(format!("\"state={path}\" must be a file in a directory"));
        }
        // Who may make files there, by the rules of open(2).
        let bits = match () {
            () if user == 0 => return Ok(()),
            () if found.uid() == user => found.mode() >> 6,
            () if groups.contains(&found.gid()) => found.mode() >> 3,
            () => found.mode(),
        };
        if bits & 0o3 != 0o3 {
            let directory = directory.display();
            return Err(format!(
                "\"state={path}\": the workers' user (uid {user}) may not make files in \
                 \"{directory}\", but in one that \"install -d -o {user} {directory}/frappe\" makes"
            ));
        }
        Ok(())
    }

    #[inline(never)]
    fn load(&self, zone: &Zone<'_>, target: *mut ngx_log_t) {
        let path = self.path.display();
        let mut file = Vec::new();
        let read = save::open_plain(OpenOptions::new().read(true), &self.path)
            .and_then(|mut found| found.read_to_end(&mut file));
        match read {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => {
                let message = format!("state \"{path}\" is not used: {error}");
                return log::line(target, NGX_LOG_WARN, &message);
            }
        }
        // Nobody else is there yet; the worker in this slot will take over.
        // SAFETY: nginx has set it.
        let pid = u32::try_from(unsafe { ngx_pid }).unwrap_or(1);
        let loaded = Worker::start(zone, 0, pid).map(|worker| zone.load(worker, &file));
        match loaded {
            Some(Ok(calls)) => {
                let message = format!("state \"{path}\": figures of {calls} calls");
                log::line(target, NGX_LOG_NOTICE, &message);
            }
            Some(Err(reason)) => {
                let message = format!("state \"{path}\" is not used: {}", reason.as_str());
                log::line(target, NGX_LOG_WARN, &message);
            }
            None => {}
        }
    }
}

/// Who the workers run as, and the groups that they are in.
///
/// # Safety
///
/// `cycle` is valid, and its configuration has been read.
unsafe fn worker_user(cycle: *mut ngx_cycle_t) -> (u32, Vec<u32>) {
    // SAFETY: promised by the caller; a name is null or ends with 0, and the system writes as many
    // groups as there is room for.
    unsafe {
        if nginx_sys::geteuid() != 0 {
            return (nginx_sys::geteuid(), vec![nginx_sys::getegid()]);
        }
        let core = &*shim::ngx_http_frappe_core_conf(cycle);
        let mut groups = [core.group; 64];
        let mut count = 64;
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
        (core.user, groups.into_iter().take(count).collect())
    }
}
