//! What the directives say, for the whole configuration and for a location.

use core::cell::Cell;
use core::ptr;

use nginx_sys::ngx_http_get_variable_pt;

use super::zones::Figures;
use crate::body::Names;
use crate::frappe::{Dialect, dialect};
use crate::nginx::ffi::dav::Dav;
use crate::nginx::ffi::request::Request;

/// `frappe_body`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::nginx) enum BodyMode {
    #[default]
    Whole,
    /// the first so many bytes
    Preread(usize),
    Off,
}

/// `frappe_phase`: when the body is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::nginx) enum Phase {
    /// before `if`, `set`, limits, access and authentication
    #[default]
    Rewrite,
    /// after all of these
    Precontent,
}

/// A variable of another module that may be computed from ours.
#[derive(Debug)]
pub(in crate::nginx) struct Derived {
    /// nginx's index
    pub(in crate::nginx) index: usize,
    pub(in crate::nginx) wrapped: &'static Wrapped,
}

/// The handler and the data of such a variable, which `derived` has replaced.
#[derive(Debug)]
pub(in crate::nginx) struct Wrapped {
    pub(in crate::nginx) handler: ngx_http_get_variable_pt,
    pub(in crate::nginx) data: usize,
    /// its handler has asked for one of our variables, in this process
    pub(in crate::nginx) asks_ours: Cell<bool>,
}

/// What holds for the whole configuration.
#[derive(Debug, Default)]
pub(in crate::nginx) struct MainConf {
    /// the arguments to keep
    pub(in crate::nginx) names: Names,
    /// some location has `frappe_cmd on`
    pub(in crate::nginx) is_enabled: bool,
    /// some `if` has it, which nginx enters after our handler of the rewrite phase
    pub(in crate::nginx) is_enabled_in_if: bool,
    /// some location has `frappe_phase precontent`
    pub(in crate::nginx) in_precontent: bool,
    pub(in crate::nginx) dav: Option<Dav>,
    /// nginx's indexes of our variables
    pub(in crate::nginx) own: Vec<usize>,
    /// the variables that other modules may compute from ours
    pub(in crate::nginx) derived: Vec<Derived>,
    /// the index behind the last handler of the rewrite phase, in nginx's list of phase handlers
    pub(in crate::nginx) rewrite_end: usize,
    /// `frappe_status_zone`, `frappe_status` and `frappe_pace`
    pub(in crate::nginx) figures: Figures,
}

impl MainConf {
    pub(in crate::nginx) fn get(r: Request) -> Option<&'static Self> {
        // SAFETY: null or what `create_main_conf` made, which lives as long as the configuration. The
        // configuration outlives its requests, and no code writes to it after the start.
        unsafe { r.main_conf::<Self>().as_ref() }
    }

    /// Reserves memory for so many variables. False where there is none.
    pub(in crate::nginx) fn reserve(&mut self, variables: usize) -> bool {
        self.own.try_reserve(variables).is_ok() && self.derived.try_reserve(variables).is_ok()
    }

    /// Whether the rewrite phase is over: from here on only a redirect changes the location.
    pub(in crate::nginx) fn is_past_rewrite(r: Request) -> bool {
        let end = Self::get(r).map_or(usize::MAX, |conf| conf.rewrite_end);
        usize::try_from(r.main().phase_handler()).is_ok_and(|handler| handler >= end)
    }

    /// Whether nginx's dav module will store the body of this request as a file.
    pub(in crate::nginx) fn is_dav_put(r: Request) -> bool {
        let dav = Self::get(r).and_then(|conf| conf.dav.as_ref());
        dav.is_some_and(|dav| dav.takes(r))
    }
}

/// What holds for a location. None: no directive says it here, or in what the location inherits from.
#[derive(Debug, Default)]
pub(in crate::nginx) struct LocConf {
    pub(in crate::nginx) cmd: Option<bool>,
    pub(in crate::nginx) body: Option<BodyMode>,
    pub(in crate::nginx) phase: Option<Phase>,
    pub(in crate::nginx) dialect: Option<&'static Dialect>,
    /// the number of the location's `frappe_status`, which is not inherited
    pub(in crate::nginx) page: Option<usize>,
    /// the number of the `frappe_pace` that holds here
    pub(in crate::nginx) pace: Option<usize>,
}

impl LocConf {
    pub(in crate::nginx) fn get(r: Request) -> Option<&'static Self> {
        // SAFETY: as for MainConf::get.
        unsafe { r.loc_conf::<Self>().as_ref() }
    }

    pub(in crate::nginx) fn is_on(&self) -> bool {
        self.cmd == Some(true)
    }

    pub(in crate::nginx) fn reads_body(&self) -> bool {
        self.is_on() && self.body != Some(BodyMode::Off)
    }

    pub(in crate::nginx) fn phase(&self) -> Phase {
        self.phase.unwrap_or_default()
    }

    /// With `frappe_body preread`: how many bytes are looked at before the request goes on.
    pub(in crate::nginx) fn preread(&self) -> Option<usize> {
        match self.body {
            Some(BodyMode::Preread(size)) => Some(size),
            Some(BodyMode::Whole | BodyMode::Off) | None => None,
        }
    }

    pub(in crate::nginx) fn dialect(&self) -> Option<&'static Dialect> {
        self.dialect.or_else(dialect::newest)
    }

    /// Whether both locations decide the same request in the same way.
    pub(in crate::nginx) fn decides_as(&self, other: &Self) -> bool {
        let dialects = (self.dialect(), other.dialect());
        ptr::eq(self, other)
            || (self.body.unwrap_or_default() == other.body.unwrap_or_default()
                && matches!(dialects, (Some(one), Some(two)) if ptr::eq(one, two)))
    }

    pub(in crate::nginx) fn merge(&mut self, outer: &Self) {
        self.cmd = self.cmd.or(outer.cmd);
        self.body = self.body.or(outer.body);
        self.phase = self.phase.or(outer.phase);
        self.dialect = self.dialect.or(outer.dialect);
        self.pace = self.pace.or(outer.pace);
    }
}
